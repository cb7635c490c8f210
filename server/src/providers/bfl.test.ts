import facts from '../../../catalog/providers/bfl.json' with { type: 'json' };
import { adapter as bfl } from './bfl.ts';
import { conformanceTests } from './conformance-kit.ts';
import fixture from './fixtures/bfl.json' with { type: 'json' };

conformanceTests(bfl, fixture, {
  keyHosts: facts.keyHosts,
  protocolKeys: ['webhook_url'],
  statusField: 'status',
});
