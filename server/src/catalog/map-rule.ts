import type { JsonValue } from './json-value.ts';

/** The provider takes the parameter as it is, under the name `to`. Dots in `to` lead into objects and, by numbers, into lists, in every rule. */
export interface RenameRule {
  rule: 'rename';
  to: string;
  /** Sent where the caller gave nothing and the provider wants something. */
  otherwise?: JsonValue;
}

/**
 * The provider has other words for the same values: every value of the schema's list, or `true` and `false`; null for a
 * value that it takes as said where nothing is sent. A file format that it cannot make stands for one that loses nothing:
 * the engine converts the stored file to the one asked for.
 */
export interface ValuesRule {
  rule: 'values';
  to: string;
  values: Readonly<Record<string, JsonValue>>;
  /** Values that the provider does not have and others stand for, with the reason that is told to who asked for one. */
  substitutes?: Readonly<Record<string, string>>;
  /** What is sent (null: nothing) for a value that the table does not have; needed where the schema leaves the text free. */
  otherwise?: { value: JsonValue; reason: string };
  /** Sent where the caller gave nothing and the provider wants something. */
  absent?: JsonValue;
}

/** The provider wants the value inside a text: `{}` stands for it, as in `{}s` for seconds. */
export interface TextRule {
  rule: 'text';
  to: string;
  text: string;
}

/** The provider takes fewer numbers; the nearest one is sent, the larger of two equally near ones. */
export interface NearestRule {
  rule: 'nearest';
  to: string;
  numbers: readonly number[];
  /** Where the provider wants it inside a text: `{}` stands for it. */
  text?: string;
  /** Told to the caller whose value had to change. */
  reason: string;
}

/** A list or an object goes as JSON text, or (`value`) JSON text as what it says; text that is no JSON is told and left out. */
export interface JsonRule {
  rule: 'json';
  to: string;
  as: 'text' | 'value';
}

/** The provider has no counterpart; `reason` is told to the caller who asked for it. */
export interface DropRule {
  rule: 'drop';
  reason: string;
}

/** Read by another parameter's rule, which also reports what became of it. */
export interface ReadByRule {
  rule: 'read-by';
  parameter: string;
}

/** Said by the choice of the route: its `when` asks for one value of the parameter, or for none. */
export interface ImpliedRule {
  rule: 'implied';
}

/** Done by the gateway on the stored file, so that nothing has to be sent. */
export interface GatewayRule {
  rule: 'gateway';
}

/** The provider takes at most `max` items; the first ones are sent, each as it is or in the texts of `shape`, where `{}` is the item. */
export interface FirstItemsRule {
  rule: 'first-items';
  to: string;
  max: number;
  shape?: FileShape;
}

/**
 * How the provider takes a file: by its address, as base64, or as a `data:` URL. An address that only we can reach goes
 * as a `data:` URL even where `url` is said; what is too large for that goes by its `address` alone.
 */
export type FileForm = 'url' | 'address' | 'base64' | 'data-url';

/**
 * What stands for one file where the provider wants more than its content. In its texts `{}` is the content, `{type}` and
 * `{base64}` are the parts of a `data:` URL.
 */
export type FileShape = { readonly [name: string]: JsonValue };

/** The parameter is the address of a file. */
export interface FileRule {
  rule: 'file';
  to: string;
  as: FileForm;
  shape?: FileShape;
  /** `to` is a list that other rules and the route's constants may write to as well; the file goes to its end. */
  adds?: true;
}

/** The parameter is an address or a list of them: to one list of at most `max`, or to as many fields as are named. */
export interface FilesRule {
  rule: 'files';
  to: string | readonly string[];
  as: FileForm;
  shape?: FileShape;
  /** As for one file. */
  adds?: true;
  /** Needed where `to` is one list. */
  max?: number;
}

/** The provider counts on another scale: straight lines between points, which rise on both sides. */
export interface ScaleRule {
  rule: 'scale';
  to: string;
  points: readonly { from: number; to: number }[];
}

/** The provider takes fewer values; the nearest one is sent. */
export interface ClampRule {
  rule: 'clamp';
  to: string;
  minimum: number;
  maximum: number;
  /** `text` where the provider wants the number in quotation marks. */
  as: 'number' | 'text';
  /** Told to the caller whose value had to change. */
  reason: string;
}

/**
 * The provider wants a side in pixels where the caller names a factor: the measured width of the file that the parameter
 * `of` names, times the factor. It finds the other side itself.
 */
export interface EnlargedWidthRule {
  rule: 'enlarged-width';
  to: string;
  of: string;
  /** The widest that the provider makes. */
  maximum: number;
  /** Told to the caller whose picture would be wider. */
  reason: string;
}

/** The provider takes whole numbers from 0 to `below` - 1; others come round to one of these, always to the same. */
export interface FoldRule {
  rule: 'fold';
  to: string;
  below: number;
}

/** What size can be asked for, whatever the words it is asked in. */
export interface SizeLimits {
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
    /** Values with which the provider finds the size itself: none is sent. */
    unsized?: readonly string[];
    /** Why `areaPixels` is made in place of a word that the table does not have; for texts that the schema leaves free. */
    otherwise?: string;
  };
  /**
   * Parameters that give the sides themselves. One of them alone: the other follows from the ratio. Sides of less than
   * `areaPixelsMin` grow in their own shape.
   */
  sidesFrom?: { width: string; height: string; areaPixelsMax: number; areaPixelsMin?: number };
}

/** Where a size in pixels is written. */
export type PixelTarget =
  | { width: string; height: string }
  /** An object with `width` and `height`, or a word where the ratio has one and the caller wants no other size. */
  | { object: string; words: Readonly<Record<string, { word: string; width: number; height: number }>> }
  /** Text such as `1024x768`, or with another separator than `x`. */
  | { text: string; separator?: string };

/** The provider takes pixels where the caller names a ratio. */
export interface AspectRatioToPixelsRule extends SizeLimits {
  rule: 'aspect-ratio-to-pixels';
  to: PixelTarget;
}

/** The provider takes ratios, and perhaps pixels for what is not among them. */
export interface AspectRatioRule extends SizeLimits {
  rule: 'aspect-ratio';
  to: string;
  /** As the provider writes them. */
  ratios: readonly string[];
  /** What becomes of other ratios: sent as they are, the nearest of the list, or `word` with sides in pixels. */
  others: 'as-asked' | 'nearest' | { word: string; width: string; height: string };
  /** The provider's words for the values of `areaFrom`; sent beside a ratio, never beside sides. */
  area?: { to: string; words: Readonly<Record<string, string>> };
}

export type SizeRule = AspectRatioToPixelsRule | AspectRatioRule;

export type MapRule =
  | RenameRule
  | ValuesRule
  | TextRule
  | NearestRule
  | JsonRule
  | DropRule
  | ReadByRule
  | ImpliedRule
  | GatewayRule
  | FirstItemsRule
  | FileRule
  | FilesRule
  | ScaleRule
  | ClampRule
  | EnlargedWidthRule
  | FoldRule
  | SizeRule;

/** The names, in the provider's words, that a rule may write. */
export function targetsOf(rule: MapRule): string[] {
  switch (rule.rule) {
    case 'drop':
    case 'read-by':
    case 'implied':
    case 'gateway':
      return [];
    case 'files':
      return typeof rule.to === 'string' ? [rule.to] : [...rule.to];
    case 'aspect-ratio-to-pixels':
      if ('object' in rule.to) return [rule.to.object];
      return 'text' in rule.to ? [rule.to.text] : [rule.to.width, rule.to.height];
    case 'aspect-ratio': {
      const sides = typeof rule.others === 'string' ? [] : [rule.others.width, rule.others.height];
      return [rule.to, ...sides, ...(rule.area === undefined ? [] : [rule.area.to])];
    }
    case 'rename':
    case 'values':
    case 'text':
    case 'nearest':
    case 'json':
    case 'first-items':
    case 'file':
    case 'scale':
    case 'clamp':
    case 'enlarged-width':
    case 'fold':
      return [rule.to];
  }
}
