import type { SceneMaker } from './scene.ts';
import { paintAlley } from './scenes/alley.ts';
import { paintAurora } from './scenes/aurora.ts';
import { paintBloom } from './scenes/bloom.ts';
import { paintCoast } from './scenes/coast.ts';
import { paintDunes } from './scenes/dunes.ts';
import { paintIso } from './scenes/iso.ts';
import { paintOrb } from './scenes/orb.ts';
import { paintRidge } from './scenes/ridge.ts';

/** Every scene, in the order that decides a tie between words. */
export const SCENE_NAMES = ['alley', 'coast', 'iso', 'ridge', 'aurora', 'bloom', 'dunes', 'orb'] as const;
export type SceneName = (typeof SCENE_NAMES)[number];

export const sceneMakers: Record<SceneName, SceneMaker> = {
  alley: paintAlley,
  coast: paintCoast,
  iso: paintIso,
  ridge: paintRidge,
  aurora: paintAurora,
  bloom: paintBloom,
  dunes: paintDunes,
  orb: paintOrb,
};

/** Words that speak for a scene, checked by hand; each counts once. */
const WORDS: Record<SceneName, RegExp> = {
  alley: /\b(neon|alleys?|cyber\w*|streets?|night|rain\w*|astronauts?|tokyo|futuristic|club)\b/g,
  coast: /\b(coast\w*|cars?|highway|road|sea|ocean|beach\w*|cliffs?|waves?|sunset|harbou?r|sail\w*|ships?|island)\b/g,
  iso: /\b(isometric|shops?|city|cities|rooms?|3d|low[- ]poly|buildings?|architecture|town|miniature|house)\b/g,
  ridge: /\b(mountains?|ridges?|leopards?|valleys?|mist\w*|fog\w*|alps|peaks?|eagles?|canyon|hills?|landscape)\b/g,
  aurora: /\b(aurora|northern lights|forests?|lakes?|stars?|starry|pines?|winter|snow\w*|galaxy|arctic|wolf|wolves)\b/g,
  bloom: /\b(flowers?|floral|petals?|bloom\w*|botanic\w*|macro|rose|roses|dahlia|garden|lotus|butterfl\w+)\b/g,
  dunes: /\b(deserts?|dunes?|sand\w*|sahara|camels?|oasis|arid)\b/g,
  orb: /\b(products?|studio|spheres?|glass|still life|bottle|abstract|minimal\w*|render|logo|portrait|ball)\b/g,
};

/** The scene that most words of the prompt speak for; with none, one by the seed. */
export function chooseScene(prompt: string, seed: number): SceneName {
  const text = prompt.toLowerCase();
  let best: SceneName | null = null;
  let most = 0;
  for (const name of SCENE_NAMES) {
    const found = new Set(text.match(WORDS[name])).size;
    if (found > most) [best, most] = [name, found];
  }
  return best ?? SCENE_NAMES[(seed >>> 0) % SCENE_NAMES.length] ?? 'ridge';
}
