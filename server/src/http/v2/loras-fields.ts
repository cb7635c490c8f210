import { z } from 'zod';

import { WEBHOOK_EVENTS } from '../../catalog/body-schema.ts';
import { refuseInput } from '../../core/refuse-input.ts';
import { SUBJECT_KINDS } from '../../loras/loras.ts';

/** How many pictures a training learns from, and how large they may be. */
export const PICTURES = { min: 15, max: 30, bytesMax: 10 * 1024 * 1024, totalBytesMax: 100 * 1024 * 1024 };

const STEPS_DEFAULT = 1_000;
const RANK_DEFAULT = 16;

/** A whole number in a text field. */
function whole({ min, max }: { min: number; max: number }): z.ZodType<number> {
  const text = `Invalid input: expected a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,9}$/, text)
    .transform(Number)
    .refine((value) => value >= min && value <= max, text);
}

const about = z
  .string()
  .trim()
  .min(1)
  .max(40)
  .refine((text) => !text.includes('\0'), 'Invalid input: the text contains the character U+0000');

/** The text fields of `POST /v2/loras`; further names are read over, as the contract has it. */
export const trainingFields = z
  .object({
    name: z
      .string()
      .min(1)
      .max(60)
      .refine((text) => !text.includes('\0'), 'Invalid input: the text contains the character U+0000')
      .describe('What people call it.'),
    subjectKind: z
      .enum(SUBJECT_KINDS)
      .default('person')
      .describe('What it is to learn. Of a person, gender and ethnicity must be given.'),
    gender: z.enum(['female', 'male', 'non-binary']).optional().describe('Goes into the captions.'),
    ethnicity: about.optional().describe('Goes into the captions.'),
    age: about.optional().describe('Goes into the captions, for example `35 years`.'),
    steps: whole({ min: 500, max: 3_000 }).default(STEPS_DEFAULT).describe('How long it learns.'),
    loraRank: whole({ min: 8, max: 64 }).default(RANK_DEFAULT).describe('How much it can hold.'),
    webhookUrl: z.url().optional().describe('Where the end of the training is told.'),
    webhookEvents: z
      .string()
      .transform((text) => text.split(',').map((word) => word.trim()))
      .pipe(z.array(z.enum(WEBHOOK_EVENTS)).min(1))
      .optional()
      .describe('Which events, with commas between: `completed,failed`.'),
  })
  .superRefine(({ subjectKind, gender, ethnicity }, context) => {
    if (subjectKind !== 'person') return;
    for (const [name, value] of Object.entries({ gender, ethnicity })) {
      if (value === undefined)
        context.addIssue({ code: 'custom', path: [name], message: 'Required when subjectKind is "person"' });
    }
  });
export type TrainingFields = z.infer<typeof trainingFields>;

/** The fields, checked; throws a 400 that names each wrong one, and those of the pictures beside them. */
export function readTrainingFields(
  fields: ReadonlyMap<string, string>,
  pictures: Readonly<Record<string, string[]>>,
): TrainingFields {
  const parsed = trainingFields.safeParse(Object.fromEntries(fields));
  const details: Record<string, string[]> = {};
  for (const { path, message } of parsed.error?.issues ?? []) (details[String(path[0])] ??= []).push(message);
  if (parsed.success && Object.keys(pictures).length === 0) return parsed.data;
  throw refuseInput({ ...details, ...pictures });
}

/** What stands in the captions of all pictures: the word, and who or what it stands for. */
export function captionOf({ subjectKind, gender, ethnicity, age }: TrainingFields, triggerWord: string): string {
  switch (subjectKind) {
    case 'person': {
      const noun = gender === undefined || gender === 'non-binary' ? 'person' : PERSONS[gender];
      return ['a photo of', `${triggerWord},`, 'a', age, ethnicity, noun]
        .filter((word) => word !== undefined)
        .join(' ');
    }
    case 'style':
      return `a picture in the style of ${triggerWord}`;
    case 'object':
      return `a photo of ${triggerWord}`;
  }
}

const PERSONS = { female: 'woman', male: 'man' } as const;
