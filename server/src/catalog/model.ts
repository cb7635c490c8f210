import type { Amount } from './amount.ts';
import type { JsonValue } from './json-value.ts';
import type { MapRule } from './map-rule.ts';
import type { Widget } from './widget.ts';

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

/** The endpoints for what follows upon a finished job, named in the same way. */
export const ACTION_OPERATIONS = ['images/midjourney/action', 'music/suno/action'] as const;
export type ActionOperation = (typeof ACTION_OPERATIONS)[number];

/** Where models are trained. It makes a job of a model's action, and what it makes is no file to look at. */
export const TRAINING_OPERATION = 'loras';
export type TrainingOperation = typeof TRAINING_OPERATION;

/** One parameter: the part of JSON Schema that the contract uses, with our own additions marked `x-`. */
export interface ParameterSchema {
  type: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  /** The text shown to people; from `parameters.json` unless the model's file has its own. */
  description?: string;
  default?: JsonValue;
  enum?: readonly (string | number)[];
  pattern?: string;
  /** `uuid` names a LoRA of the team. */
  format?: 'uri' | 'uuid';
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  items?: ParameterSchema;
  minItems?: number;
  maxItems?: number;
  /** Of an object, which has no other names than these. */
  properties?: Readonly<Record<string, ParameterSchema>>;
  required?: readonly string[];
  additionalProperties?: false;
  /** Suggested values where the pattern allows more. */
  'x-choices'?: readonly (string | number)[];
  /** Where a form shows it; `basic` when absent. */
  'x-group'?: 'basic' | 'advanced';
  /** What a form draws, where schema and name would say something else. */
  'x-widget'?: Widget;
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

/** An amount of credits that depends on the request. */
export interface FormulaPrice extends PriceFacts {
  mode: 'formula';
  /** What the price goes by, for people and for the wire. */
  unit: 'flat' | 'per-second' | 'per-output';
  credits: Amount;
}

/** How a price is computed. Amounts are credits with at most six decimals; the sum is rounded up to whole credits. */
export type PriceRule = FlatPrice | PerMegapixelPrice | FormulaPrice;

/** A price as a file may have it: where no price of the model is known it is a provider's cost, times the operator's margin. */
export type PriceFile = PriceRule | (Omit<FormulaPrice, 'credits'> & { costMicroUsd: Amount });

/** How well a fact is known: A vendor's own text, B vendor's own source, C several third parties, D one, M unconfirmed. */
export type EvidenceGrade = 'A' | 'B' | 'C' | 'D' | 'M';

/** A test of the caller's input with its defaults; an empty list counts as absent. */
export type RouteCondition =
  | { parameter: string; is: 'present' | 'absent' }
  | { parameter: string; equals: string | number | boolean }
  | { parameter: string; oneOf: readonly (string | number)[] };

interface CostFacts {
  /** The day on which the cost was true, as `YYYY-MM-DD`. */
  on: string;
  source: string;
  grade: EvidenceGrade;
  /** Why the cost may exceed the price at the model's defaults; null where it must not. */
  lossReason: string | null;
}

/** The same cost for every generation. */
export interface FlatCost extends CostFacts {
  mode: 'flat';
  microUsd: number;
}

/** So much for the first megapixel of output, for each further one, and for each megapixel put in. */
export interface PerMegapixelCost extends CostFacts {
  mode: 'per-megapixel';
  firstMicroUsd: number;
  furtherMicroUsd: number;
  /** Input pictures are reckoned as one megapixel each: their size is unknown before they are fetched. */
  inputMicroUsd: number;
  /** Further megapixels count when begun; otherwise by the pixel. */
  roundUp: boolean;
}

/** An amount of micro-dollars that depends on the request. */
export interface FormulaCost extends CostFacts {
  mode: 'formula';
  microUsd: Amount;
}

/** What a generation costs the operator; `none` on his own machine and in the sandbox. */
export type RouteCost = FlatCost | PerMegapixelCost | FormulaCost | { mode: 'none' };

/** One way to run a model: a provider, its own name for the model, and how parameters are translated. */
export interface Route {
  provider: string;
  upstreamModel: string;
  /** What the caller's input must meet for this route, all of it; null for any input. */
  when: readonly RouteCondition[] | null;
  /** One rule for `prompt` and for each parameter of the model. */
  map: Readonly<Record<string, MapRule>>;
  /** Sent with every request, in the provider's own names. */
  constants: Readonly<Record<string, JsonValue>>;
  /** null where no cost is known. */
  cost: RouteCost | null;
  /** One sentence for the caller where what runs is not the model itself; null where it is. */
  standIn: string | null;
  /** What the adapter fills in: the graph of the workflow that the file names; null for most. */
  template: JsonValue;
  /**
   * The provider keeps what comes of it in the account of whoever buys, under a name that the operator must have given
   * (`LUMEGATE_PROVIDER_<ID>_DESTINATION`). Without one the route serves nobody; and never a team's own key.
   */
  needsDestination: boolean;
  /** How well the provider's name for the model and its parameters are known. */
  evidence: EvidenceGrade;
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

/** What an action needs of the finished job: a grid of pictures, one enlarged picture, or a song; `none` for a training. */
export type ActionParent = 'grid' | 'single' | 'track' | 'none';

/** One thing that can be done with a finished job of a model. */
export interface ModelAction {
  parent: ActionParent;
  /** The limits of a prompt of its own; null where it takes none. Without one, that of the finished job counts. */
  prompt: { minLength: number; maxLength: number } | null;
  promptRequired: boolean;
  /** How it runs and what it costs: the model's own facts with other parameters, price and routes. */
  model: Model;
}

/** The parameter by which an action's route gets the finished job's file. Callers cannot give it. */
export const PARENT_FILE = 'parent_file';

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
  /** How many results a run orders, at most, and the seconds of each; null for pictures and where nobody can know. */
  outputs: Amount;
  seconds: Amount | null;
  price: PriceRule;
  /** Changes whenever the price rule does. */
  priceVersion: string;
  /** What others say about the time of a run; shown only where nothing was measured here. */
  vendorSeconds: { min: number; max: number; evidence: string; readAt: string } | null;
  routes: readonly Route[];
  /** The first one runs as it stands. */
  examples: readonly Example[];
  availability: Availability;
  /** What can be done with its finished jobs; null for most models. */
  actions: { operation: ActionOperation | TrainingOperation; kinds: Readonly<Record<string, ModelAction>> } | null;
  changes: readonly { date: string; kind: 'added' | 'price' | 'parameters' | 'routes'; text: string }[];
}

/** Facts about who serves models; read from `catalog/providers/<id>.json`. */
export interface ProviderFacts {
  id: string;
  label: string;
  /** The adapter that speaks to it; several providers may speak the same way. */
  adapter: string;
  /** The provider's own base address; the operator may set another. null where only the operator knows it. */
  baseUrl: string | null;
  /** The header that carries the key (`prefix` before it) and the setting that holds it; null without a key. */
  authHeader: { name: string; prefix: string; setting: string; isOptional: boolean } | null;
  /** Hosts beside that of the base address to which the key may be sent: a name or `*.name`. */
  keyHosts: readonly string[];
  /** How many generations may be under way at once with one key. */
  maxInFlight: number;
  /** Generations that may be started in a minute with one key; null where no such limit is known. */
  startsPerMinute: number | null;
  /** `url-per-request`: the address to call goes with each start. */
  callbackStyle: 'none' | 'url-per-request';
  /** Sending the same start twice buys once. */
  deduplicates: boolean;
  /** A started generation can be looked up after a lost answer. */
  findable: boolean;
  /** For how long a lost purchase is looked for, or its callback waited for; 0 where there is nothing to look at. */
  lookMs: number;
  /** From the first byte of a start to the last of its answer; synchronous providers answer when the work is done. */
  startMsMax: number;
  /** Answers carry the files themselves, in base64. */
  inlineResults: boolean;
  /** Stands on the operator's own machine: a generation costs nothing but time. */
  ownMachine: boolean;
  /** Draws stand-ins instead of running models. */
  sandbox: boolean;
  /** Works inside this program, without an address, a key or a vendor; absent for most. */
  inside?: boolean;
  /** Hosts whose result files may be fetched: a name, `*.name`, or `self` for the host of the base address. */
  resultHosts: readonly string[];
  /** Result files on the origin of the base address are given out for the key alone; they are not where absent. */
  resultsNeedKey?: boolean;
  /** Where these facts come from. */
  evidence: { grade: EvidenceGrade; text: string; readAt: string };
}
