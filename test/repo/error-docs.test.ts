import assert from 'node:assert/strict';
import { describe, it } from 'node:test';

import { ERROR_TABLE } from '../../server/src/core/errors.ts';
import { readText } from './source-files.ts';

interface Section {
  code: string;
  status: number;
  text: string;
  body: string;
}

function readSections(page: string): Section[] {
  return page
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [, code = '', status = '', text = '', body = ''] =
        /^`([a-z_]+)`\n\n(\d{3}) · “(.+)”\n\n([\s\S]*)$/.exec(section) ?? [];
      return { code, status: Number(status), text, body };
    });
}

function findProblems(page: string, table: Readonly<Record<string, { status: number; text: string }>>): string[] {
  const sections = readSections(page);
  const missing = Object.keys(table).filter((code) => sections.every((section) => section.code !== code));
  return [
    ...missing.map((code) => `${code} has no section`),
    ...sections.flatMap((section, index) => {
      const fact = table[section.code];
      if (fact === undefined) return [`section ${index + 1} (${section.code}) names no code, or has another form`];
      return [
        ...(section.status === fact.status
          ? []
          : [`${section.code} is said to be ${section.status}, it is ${fact.status}`]),
        ...(section.text === fact.text ? [] : [`${section.code} is quoted as "${section.text}", it is "${fact.text}"`]),
        ...(section.body.includes('**What to do.**') ? [] : [`${section.code} does not say what to do`]),
      ];
    }),
  ];
}

describe('docs/errors.md', () => {
  it('has a section for each code, and none besides', () => {
    assert.deepEqual(findProblems(readText('docs/errors.md'), ERROR_TABLE), []);
  });

  const table = { a_code: { status: 400, text: 'A text' } };
  const right = '# Errors\n\n## `a_code`\n\n400 · “A text”\n\nIt happens. **What to do.** Send it again.\n';

  it('a page in the right form passes', () => assert.deepEqual(findProblems(right, table), []));

  for (const { what, page } of [
    { what: 'a missing section', page: '# Errors\n' },
    { what: 'a section for a code that is gone', page: right + right.slice(10).replace('a_code', 'b_code') },
    { what: 'a wrong status', page: right.replace('400', '401') },
    { what: 'a wrong text', page: right.replace('A text', 'Another') },
    { what: 'a section without advice', page: right.replace('**What to do.** ', '') },
  ]) {
    it(`finds ${what}`, () => assert.equal(findProblems(page, table).length, 1));
  }
});
