import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { loadCatalog } from './load-catalog.ts';
import type { ParameterSchema } from './model.ts';
import { CATALOG_FOLDER } from './test-catalog.ts';
import { widgetOf, WIDGETS } from './widget.ts';

describe('the widget of a parameter', () => {
  it('follows from schema and name', () => {
    const cases: [string, ParameterSchema, string][] = [
      ['raw', { type: 'boolean' }, 'switch'],
      ['quality', { type: 'string', enum: ['low', 'high'] }, 'choice'],
      ['outpaint', { type: 'string', enum: ['a', 'b', 'c', 'd', 'e', 'f'] }, 'select'],
      ['aspect_ratio', { type: 'string', 'x-choices': ['1:1', '16:9', 'auto'] }, 'ratio'],
      ['steps', { type: 'integer', minimum: 1, maximum: 50 }, 'slider'],
      ['width', { type: 'integer', minimum: 1 }, 'number'],
      ['seed', { type: 'integer', minimum: 0, maximum: 9 }, 'seed'],
      ['title', { type: 'string', maxLength: 80 }, 'text'],
      ['negative_prompt', { type: 'string' }, 'long-text'],
      ['style', { type: 'string', maxLength: 1_000 }, 'long-text'],
      ['start_image', { type: 'string', format: 'uri' }, 'image'],
      ['first_clip', { type: 'string', format: 'uri' }, 'video'],
      ['reference_audio_urls', { type: 'array', items: { type: 'string', format: 'uri' } }, 'audios'],
      ['loraId', { type: 'string', format: 'uuid' }, 'lora'],
      ['concepts', { type: 'array', items: { type: 'string' } }, 'list'],
      ['multi_prompt', { type: 'array', items: { type: 'object' } }, 'json'],
      ['anything', { type: 'string', 'x-widget': 'json' }, 'json'],
    ];
    for (const [name, schema, widget] of cases) assert.equal(widgetOf(name, schema), widget, name);
  });

  it('has what it needs in every model: limits for a slider, values for a choice', () => {
    const seen = new Set<string>();
    for (const { id, parameters } of loadCatalog(CATALOG_FOLDER).models.values()) {
      for (const [name, schema] of Object.entries(parameters)) {
        const widget = widgetOf(name, schema);
        seen.add(widget);
        const choices = schema.enum ?? schema['x-choices'] ?? [];
        const isSupplied =
          widget === 'slider'
            ? schema.minimum !== undefined && schema.maximum !== undefined
            : !['choice', 'select', 'ratio'].includes(widget) || choices.length > 0;
        assert.ok(isSupplied, `${id}.${name}: ${widget}`);
      }
    }
    // Every number of today has limits, or is a seed.
    const undrawn = WIDGETS.filter((widget) => !seen.has(widget) && widget !== 'number');
    assert.deepEqual(undrawn, []);
  });
});
