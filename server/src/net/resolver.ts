import dns from 'node:dns/promises';

export interface ResolvedAddress {
  address: string;
  family: number;
}

/** All addresses of a name; rejects or gives an empty list when there are none. */
export type Resolve = (hostname: string) => Promise<ResolvedAddress[]>;

/** What one question to a name server may take; asked twice, then the name counts as unknown. */
const QUESTION_MS = 2_000;

/**
 * Asks the operating system: the hosts file, search domains and whatever else the operator set up.
 * Used for the addresses that he named himself.
 */
export const resolveBySystem: Resolve = (hostname) => dns.lookup(hostname, { all: true, order: 'verbatim' });

/**
 * Asks the name servers directly. The system's resolver has only a few threads and no time limit, so that a
 * handful of names whose servers never answer would hold up the names of everybody else.
 */
export function publicResolver(): Resolve {
  const resolver = new dns.Resolver({ timeout: QUESTION_MS, tries: 2 });
  return async (hostname) => {
    const [four, six] = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    const found = [
      ...(six.status === 'fulfilled' ? six.value.map((address) => ({ address, family: 6 })) : []),
      ...(four.status === 'fulfilled' ? four.value.map((address) => ({ address, family: 4 })) : []),
    ];
    if (found.length > 0) return found;
    const failures = [four, six].filter((answer) => answer.status === 'rejected').map((answer) => answer.reason);
    // No name server is configured where this library looks for it (some containers): the system may know better.
    if (failures.some((failure) => failure instanceof Error && 'code' in failure && failure.code === 'ECONNREFUSED')) {
      return resolveBySystem(hostname);
    }
    throw failures[0] ?? new Error('The name has no addresses.');
  };
}
