/**
 * Every way in which a request can be refused: HTTP status and the public text.
 * `docs/errors.md` has a section for each code, and a test keeps the two together.
 */
export const ERROR_TABLE = {
  validation_failed: { status: 400, text: 'Validation error' },
  body_not_json: { status: 400, text: 'The request body is not valid JSON' },
  body_too_large: { status: 400, text: 'The request body is larger than 1 MiB' },
  body_wrong_type: { status: 400, text: 'Send the body as application/json' },
  upload_refused: { status: 400, text: 'The upload was refused' },
  url_forbidden: { status: 400, text: 'A URL of the request may not be used' },
  model_unavailable: { status: 400, text: 'No provider on this gateway can serve this model' },
  job_id_invalid: { status: 400, text: 'Invalid job id: expected a UUID' },
  cursor_invalid: { status: 400, text: 'Invalid cursor' },
  idempotency_key_invalid: { status: 400, text: 'Idempotency-Key must be 1 to 255 characters' },
  key_missing: { status: 401, text: 'API key is required' },
  key_invalid: { status: 401, text: 'Invalid API key' },
  credits_insufficient: { status: 402, text: 'Insufficient credits' },
  key_inactive: { status: 403, text: 'API key is inactive' },
  scope_forbidden: { status: 403, text: 'Only an admin may use scope=team' },
  admin_required: { status: 403, text: 'This needs an admin key' },
  role_forbidden: { status: 403, text: 'This needs a live key of an owner or admin of the team' },
  job_not_found: { status: 404, text: 'Job not found' },
  asset_not_found: { status: 404, text: 'Asset not found' },
  lora_not_found: { status: 404, text: 'LoRA not found' },
  file_not_found: { status: 404, text: 'File not found' },
  provider_not_found: { status: 404, text: 'Provider not found' },
  provider_key_not_found: { status: 404, text: 'Provider key not found' },
  route_not_found: { status: 404, text: 'Not found' },
  method_not_allowed: { status: 405, text: 'Method not allowed' },
  idempotency_key_reused: { status: 409, text: 'Idempotency-Key was already used with a different request' },
  action_unavailable: { status: 409, text: 'This action is not available for this job' },
  job_already_final: { status: 409, text: 'The job has already ended' },
  range_unsatisfiable: { status: 416, text: 'Range not satisfiable' },
  rate_limited: { status: 429, text: 'Rate limit exceeded' },
  too_many_trainings: { status: 429, text: 'Too many LoRAs of this team are in training' },
  queue_full: { status: 429, text: 'Too many jobs are waiting for this team' },
  internal: { status: 500, text: 'Internal error' },
  storage_failed: { status: 502, text: 'The file could not be stored' },
  unavailable: { status: 503, text: 'Service temporarily unavailable' },
} as const satisfies Record<string, { status: number; text: string }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface GatewayErrorOptions {
  /** Public text in place of the table's; still free of internals. */
  text?: string;
  /** Per-field texts, keyed by JSON path, for 400. */
  details?: Record<string, string[]>;
  /** Whole seconds for the `Retry-After` header. */
  retryAfterSeconds?: number;
  /** Both numbers of a 402, in credits. */
  credits?: { required: number; available: number };
  /** For the log only. */
  internal?: string;
  cause?: unknown;
}

/** The one error class that a caller may see; anything else becomes `internal` at the door. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly publicText: string;
  readonly options: GatewayErrorOptions;

  constructor(code: ErrorCode, options: GatewayErrorOptions = {}) {
    super(options.internal ?? options.text ?? ERROR_TABLE[code].text, { cause: options.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.status = ERROR_TABLE[code].status;
    this.publicText = options.text ?? ERROR_TABLE[code].text;
    this.options = options;
  }
}
