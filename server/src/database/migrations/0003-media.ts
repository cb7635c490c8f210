/** Results that are not pictures: what a file is beside the other results of its job, and how long it plays. */
export const media = {
  name: '0003-media',
  common: `
ALTER TABLE outputs ADD COLUMN role TEXT NOT NULL DEFAULT 'result' CHECK (role IN ('result', 'grid', 'cover'));
ALTER TABLE outputs ADD COLUMN seconds DOUBLE PRECISION;
`,
  sqlite: '',
  postgres: '',
};
