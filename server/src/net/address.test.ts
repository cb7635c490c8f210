import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLocalhostName, isPublicAddress, literalAddress } from './address.ts';

const FORBIDDEN = `
  0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
  168.63.129.16 169.254.0.1 169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.88.99.1
  192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255
  :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1 64:ff9b::7f00:1 64:ff9b:1::a00:1 100::1
  2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1 2002:a00:1::1
  2620:4f:8000::1 3fff::1 5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%lo fec0::1 ff02::1 4000::1 2606:4700::1%eth0
`
  .trim()
  .split(/\s+/);
const ALLOWED = `
  1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1 168.63.129.15
  169.253.255.255 172.15.255.255 172.32.0.0 192.0.1.1 192.167.255.255 198.17.255.255 198.20.0.0 223.255.255.255
  2606:4700:4700::1111 2a00:1450:4001::200e 2001:4860:4860::8888 2001:200::1 ::ffff:8.8.8.8
`
  .trim()
  .split(/\s+/);

test('every range that is not the open internet is refused, up to its edges', () => {
  for (const address of FORBIDDEN) assert.equal(isPublicAddress(address), false, address);
});

test('the neighbours of the forbidden ranges are let through', () => {
  for (const address of ALLOWED) assert.equal(isPublicAddress(address), true, address);
});

test('text that is no address is never public', () => {
  for (const text of ['', 'example.com', '1.2.3', '1.2.3.4.5', '::g', '1.1.1.1 ']) {
    assert.equal(isPublicAddress(text), false, text);
  }
});

test('a literal is told from a name', () => {
  assert.equal(literalAddress('[::1]'), '::1');
  assert.equal(literalAddress('127.0.0.1'), '127.0.0.1');
  assert.equal(literalAddress('a1.example'), null);
});

test('names of this machine are known in every case and with dots behind', () => {
  for (const name of ['localhost', 'LocalHost.', 'a.b.localhost', 'x.localhost.', 'localhost.localdomain']) {
    assert.equal(isLocalhostName(name), true, name);
  }
  for (const name of ['localhost.example', 'notlocalhost', 'example.com']) {
    assert.equal(isLocalhostName(name), false, name);
  }
});
