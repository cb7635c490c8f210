/** The last runs of a model, for its times: found at once, however many jobs there are. */
export const measuredTimes = {
  name: '0005-measured-times',
  common: `
CREATE INDEX jobs_measured ON jobs (model, operation, completed_at DESC, started_at)
  WHERE status = 'COMPLETED' AND mode = 'live' AND provider <> 'sandbox';
`,
  sqlite: '',
  postgres: '',
};
