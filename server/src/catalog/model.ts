import type { JsonValue } from './json-value.ts';

/** What a model makes. */
export type Modality = 'image' | 'video' | 'music';

/** The generation endpoints, named like their path below `/v2/`. */
export const OPERATIONS = [
  'images/generate',
  'images/edit',
  'images/upscale',
  'images/background-remove',
  'videos/generate',
  'videos/edit',
  'videos/upscale',
  'music/generate',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One parameter: the part of JSON Schema that the contract uses, with our own additions marked `x-`. */
export interface ParameterSchema {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  /** The text shown to people; from `parameters.json` unless the model's file has its own. */
  description?: string;
  default?: JsonValue;
  enum?: readonly string[];
  pattern?: string;
  format?: 'uri';
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: ParameterSchema;
  minItems?: number;
  maxItems?: number;
  /** Suggested values where the pattern allows more. */
  'x-choices'?: readonly (string | number)[];
  /** Where a form shows it; `basic` when absent. */
  'x-group'?: 'basic' | 'advanced';
}

/** Where a price or a duration was read, and when. */
export interface Source {
  text: string;
  /** The day it was read, as `YYYY-MM-DD`. */
  readAt: string;
}

interface PriceFacts {
  /** The day from which this price holds, as `YYYY-MM-DD`. */
  since: string;
  /** True where no price of the model itself is known and it was computed from a provider's list price. */
  derived: boolean;
  source: Source;
}

/** The same amount for every run. */
export interface FlatPrice extends PriceFacts {
  mode: 'flat';
  credits: number;
}

/** So much for the first megapixel of output, so much for each further one begun, so much for each input picture. */
export interface PerMegapixelPrice extends PriceFacts {
  mode: 'per-megapixel';
  firstCredits: number;
  furtherCredits: number;
  output: {
    /** The parameter that names the size, and the megapixels each of its values is charged as. */
    parameter: string;
    megapixels: Readonly<Record<string, number>>;
    /** Parameters that, when both are given, decide the size instead. */
    sides: { width: string; height: string; megapixelsMax: number };
  };
  /** The parameter that lists input pictures. Their size is unknown when the price is named: each counts the same. */
  input: { parameter: string; creditsEach: number };
}

/** How a price is computed. Amounts are credits with at most six decimals; the sum is rounded up to whole credits. */
export type PriceRule = FlatPrice | PerMegapixelPrice;

/** The provider takes the parameter as it is, under the name `to`. */
export interface RenameRule {
  rule: 'rename';
  to: string;
}

/** The provider has other words for the same values. Every value the schema allows must be in the table. */
export interface ValuesRule {
  rule: 'values';
  to: string;
  values: Readonly<Record<string, string | number | boolean>>;
}

/** The provider has no counterpart; `reason` is told to the caller who asked for it. */
export interface DropRule {
  rule: 'drop';
  reason: string;
}

/** Read by another parameter's transform, which also reports what became of it. */
export interface ReadByRule {
  rule: 'read-by';
  parameter: string;
}

/** The provider takes at most `max` items; the first ones are sent. */
export interface FirstItemsRule {
  rule: 'first-items';
  to: string;
  max: number;
}

/** The provider takes pixels where the caller names a ratio. */
export interface AspectRatioToPixelsRule {
  rule: 'aspect-ratio-to-pixels';
  to: { width: string; height: string };
  /** The area to come near, and never to exceed. */
  areaPixels: number;
  /** Both sides are a multiple of this. */
  multiple: number;
  sideMin: number;
  sideMax: number;
  /** The ratios (width by height) the model can make, narrowest and widest; absent: whatever the sides allow. */
  ratioMin?: string;
  ratioMax?: string;
  /** A parameter whose value names another area; `substitutes` tells why a value had to be replaced. */
  areaFrom?: {
    parameter: string;
    areaPixels: Readonly<Record<string, number>>;
    substitutes: Readonly<Record<string, string>>;
  };
  /** Parameters that give the sides themselves. One of them alone: the other follows from the ratio. */
  sidesFrom?: { width: string; height: string; areaPixelsMax: number };
}

export type MapRule = RenameRule | ValuesRule | DropRule | ReadByRule | FirstItemsRule | AspectRatioToPixelsRule;

/** One way to run a model: a provider, its own name for the model, and how parameters are translated. */
export interface Route {
  provider: string;
  upstreamModel: string;
  /** One rule for `prompt` and for each parameter of the model. */
  map: Readonly<Record<string, MapRule>>;
  /** Sent with every request, in the provider's own names. */
  constants: Readonly<Record<string, JsonValue>>;
  /** True where the provider only draws stand-ins; copied from the provider's file. */
  sandbox: boolean;
}

/** A request that shows the model at work, in the shape of the request body without `model`. */
export interface Example {
  title: string;
  input: Readonly<Record<string, JsonValue>>;
  /** Paths of values that the reader has to replace by his own, such as the address of a picture to edit. */
  placeholders?: readonly string[];
}

export type Availability =
  | { state: 'live' }
  | { state: 'retired'; on: string; successor: string | null }
  | { state: 'no-public-route'; reason: string };

/** Everything known about one model; read from `catalog/models/<id>.json`. */
export interface Model {
  id: string;
  label: string;
  family: string;
  maker: { name: string; url: string };
  modality: Modality;
  operations: readonly Operation[];
  /** One sentence. */
  tagline: string;
  /** The name of the parameters' block in the request body. */
  paramsField: string;
  paramsRequired: boolean;
  /** The prompt's limits in code points where it stands beside the block, or null where it is a parameter inside it. */
  prompt: { minLength: number; maxLength: number } | null;
  /** What the model really uses, in the order a form shows it. */
  parameters: Readonly<Record<string, ParameterSchema>>;
  requiredParameters: readonly string[];
  /** Names that the family's block accepts and this model does not use: checked the same way, then reported. */
  ignored: Readonly<Record<string, ParameterSchema>>;
  price: PriceRule;
  /** Changes whenever the price rule does. */
  priceVersion: string;
  /** What others say about the time of a run; shown only where nothing was measured here. */
  vendorSeconds: { min: number; max: number; evidence: string; readAt: string } | null;
  routes: readonly Route[];
  /** The first one runs as it stands. */
  examples: readonly Example[];
  availability: Availability;
  changes: readonly { date: string; kind: 'added' | 'price' | 'parameters' | 'routes'; text: string }[];
}

/** Facts about who serves models; read from `catalog/providers/<id>.json`. */
export interface ProviderFacts {
  id: string;
  label: string;
  /** The provider's own base address; the operator may set another. */
  baseUrl: string;
  /** The header that carries the key (`prefix` before it) and the setting that holds it; null without a key. */
  authHeader: { name: string; prefix: string; setting: string } | null;
  /** How many generations may be under way at once with one key. */
  maxInFlight: number;
  /** `url-per-request`: the address to call goes with each start. */
  callbackStyle: 'none' | 'url-per-request';
  /** Sending the same start twice buys once. */
  deduplicates: boolean;
  /** A started generation can be looked up by our attempt's id. */
  findable: boolean;
  /** Draws stand-ins instead of running models. */
  sandbox: boolean;
  /** Hosts whose result files may be fetched: a name, `*.name`, or `self` for the host of the base address. */
  resultHosts: readonly string[];
}
