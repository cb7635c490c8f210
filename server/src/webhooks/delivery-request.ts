import type { OutboundRequest } from '../core/net-port.ts';
import type { LeasedDelivery } from './deliveries.ts';
import { signatureHeaders } from './sign.ts';

export interface DeliveryRequestInput {
  delivery: Pick<LeasedDelivery, 'id' | 'event' | 'sequence' | 'url' | 'body'>;
  /** When this try is made, in UTC milliseconds. */
  at: number;
  /** SHA-256 of the API key: 32 bytes. */
  keyDigest: Buffer;
  form: 'raw' | 'hex';
}

/**
 * The request of one try. Headers of the contract, those of Standard Webhooks, and `Webhook-Sequence`, our addition:
 * a number that rises with each event of the job, by which a receiver can tell old news from new.
 */
export function deliveryRequest({ delivery, at, keyDigest, form }: DeliveryRequestInput): OutboundRequest {
  return {
    method: 'POST',
    url: delivery.url,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'Lumegate-Webhooks',
      'x-webhook-event': delivery.event,
      'webhook-sequence': String(delivery.sequence),
      ...signatureHeaders({ id: delivery.id, at, body: delivery.body, keyDigest, form }),
    },
    body: delivery.body,
  };
}
