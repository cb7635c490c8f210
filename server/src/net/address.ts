import ipaddr from 'ipaddr.js';

/**
 * Whether an IP address is one that anybody on the internet may reach: not loopback, not private,
 * not a metadata service, not a range that translates into any of those. Text that is no address is not public.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed === null) return false;
  if (parsed.kind() === 'ipv4') return !FORBIDDEN_IPV4.some((range) => parsed.match(range));
  // A zone id names an interface of this machine, so such an address is never a public one.
  if (address.includes('%')) return false;
  return parsed.match(GLOBAL_IPV6) && !FORBIDDEN_IPV6.some((range) => parsed.match(range));
}

/** One spelling per address, so that two can be compared; null when the text is no IP address. */
export function normalAddress(address: string): string | null {
  return parseAddress(address)?.toNormalizedString() ?? null;
}

/** The IP address a URL's host name spells out, without brackets, or null when it is a name. */
export function literalAddress(hostname: string): string | null {
  const bare = hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
  return ipaddr.IPv6.isValid(bare) || ipaddr.IPv4.isValidFourPartDecimal(bare) ? bare : null;
}

/** Whether the name means this machine by definition (RFC 6761), whatever a resolver says. */
export function isLocalhostName(hostname: string): boolean {
  const name = hostname.toLowerCase().replace(/\.+$/, '');
  return name === 'localhost' || name.endsWith('.localhost') || name === 'localhost.localdomain';
}

// The library also reads short, octal and hexadecimal IPv4; what the URL parser or a name server gave is
// never spelled so. `process` unwraps ::ffff:a.b.c.d, so that the mapped spelling is judged by the IPv4 rules.
function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | null {
  const isAddress = ipaddr.IPv4.isValidFourPartDecimal(address) || ipaddr.IPv6.isValid(address);
  return isAddress ? ipaddr.process(address) : null;
}

// The IANA special-purpose registries, plus one cloud's host services that live in public space.
// The library's own range names are not used: they call 168.63.129.16 and ::7f00:1 ordinary unicast.
const FORBIDDEN_IPV4 = [
  '0.0.0.0/8', // "this network"; Linux connects 0.0.0.0 to itself
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier NAT, and the metadata service of one cloud (100.100.100.200)
  '127.0.0.0/8',
  '168.63.129.16/32', // Azure's host services
  '169.254.0.0/16', // link-local, and most clouds' metadata service
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24', // documentation
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24', // 6to4 relays
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15', // benchmarking
  '198.51.100.0/24', // documentation
  '203.0.113.0/24', // documentation
  '224.0.0.0/4', // multicast
  '240.0.0.0/4', // reserved, and the broadcast address
].map((range) => ipaddr.IPv4.parseCIDR(range));

// Only global unicast is let through: this already leaves out ::1, ::, mapped, compatible and translated
// addresses (64:ff9b::/96 and /48), unique local, link-local, site-local, SRv6 and multicast.
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');
const FORBIDDEN_IPV6 = [
  '2001::/23', // protocol assignments: Teredo, ORCHID, benchmarking
  '2001:db8::/32', // documentation
  '2002::/16', // 6to4 carries any IPv4 address inside
  '2620:4f:8000::/48',
  '3fff::/20', // documentation
].map((range) => ipaddr.IPv6.parseCIDR(range));
