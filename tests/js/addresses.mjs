// What the chains' own libraries say of addresses: the second opinion of
// tests/customers/wallets/test_differential.py.
//
//   node addresses.mjs < LINES
//
// Answers a line with a line, in order. {"namespace": NAME, "address": TEXT} is answered by
// {"ok": true, "account": TEXT} or {"ok": false}; two addresses are of one account when `account`
// is the same. {"namespace": NAME, "seed": 64 HEX DIGITS} is answered by {"addresses": [...]},
// made of the seed by the libraries' own encoders: addresses, and what is none though its checksum
// is right.
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import * as cosmos from '@cosmjs/encoding';
import * as cardano from '@emurgo/cardano-serialization-lib-nodejs';
import * as polkadot from '@polkadot/util-crypto';
import { bech32, bech32m, hex } from '@scure/base';
import * as solana from '@solana/addresses';
import * as tezos from '@taquito/utils';
import { initWasm } from '@trustwallet/wallet-core';
import { address as bitcoin } from 'bitcoinjs-lib';
import bs58check from 'bs58check';
import { addr as ethereum } from 'micro-eth-signer';
import * as xrpl from 'ripple-address-codec';
import * as starknet from 'starknet';

const { AnyAddress, CoinType } = await initWasm();

// Base58 versions and human-readable parts, from the chains' own parameters (chainparams.cpp).
const BITCOINS = {
  base58: [0x00, 0x05, 0x6f, 0xc4, 0x30, 0x32, 0x3a, 0x1e, 0x16, 0x71, 0x3f, 0x47],
  zcash: [0x1cb8, 0x1cbd, 0x1d25, 0x1cba],
  segwit: 'bc tb bcrt ltc tltc rltc dgb dgbt dgbrt grs tgrs grsrt vtc tvtc'.split(' '),
};
const DASH = [0x4c, 0x10, 0x8c, 0x13];
const TRON = 0x41;
const AVAX = ['avax', 'fuji', 'local', 'custom'];

const bytes = (...parts) => Uint8Array.from(parts.flatMap((part) => [...part]));

class Refused extends Error {}

const only = (right) => {
  if (!right) throw new Refused();
};

const hashed = (text, versions) => {
  const { version, hash } = bitcoin.fromBase58Check(text);
  only(versions.includes(version) && hash.length === 20);
  return `${version}:${hex.encode(hash)}`;
};

const transparent = (text) => {
  const whole = bs58check.decode(text);
  only(BITCOINS.zcash.includes(whole[0] * 256 + whole[1]) && whole.length === 22);
  return hex.encode(whole);
};

// bitcoinjs's toOutputScript wants a taproot key to be on the curve, which BIP-350 does not: the
// parts are taken as fromBech32 reads them, with the lengths of BIP-141.
const witness = (text) => {
  const { prefix, version, data } = bitcoin.fromBech32(text);
  only(BITCOINS.segwit.includes(prefix) && version <= 16);
  only(version === 0 ? [20, 32].includes(data.length) : data.length >= 2 && data.length <= 40);
  return `${prefix}:${version}:${hex.encode(data)}`;
};

// The library reads an address under any human-readable part; which it is it tells when writing.
const shelley = (text) => {
  const read = cardano.Address.from_bech32(text);
  only(read.to_bech32() === text.toLowerCase());
  return hex.encode(read.to_bytes());
};

const read = {
  eip155: (text) => {
    only(ethereum.isValid(text));
    return text.toLowerCase();
  },
  tezos: (text) => {
    only(tezos.validateAddress(text) === tezos.ValidationResult.VALID);
    return text;
  },
  aptos: (text) => {
    only(AnyAddress.isValid(text, CoinType.aptos));
    return AnyAddress.createWithString(text, CoinType.aptos).description();
  },
  polkadot: (text) => {
    const account = polkadot.decodeAddress(text);
    // The library also reads, and never writes, bare account IDs in hexadecimal, and in two bytes
    // a network's prefix that one holds.
    const [, , , prefix] = polkadot.checkAddressChecksum(polkadot.base58Decode(text));
    only(polkadot.encodeAddress(account, prefix) === text);
    return hex.encode(account);
  },
  starknet: (text) => {
    const padded = starknet.validateAndParseAddress(text);
    // The library leaves the checksum to the caller.
    const plain = [text.toLowerCase(), `0x${text.slice(2).toUpperCase()}`].includes(text);
    only(plain || starknet.getChecksumAddress(text).endsWith(text.slice(2)));
    return padded;
  },
  cosmos: (text) => {
    const { prefix, data } = cosmos.fromBech32(text, 200);
    // ADR-028: a key's hash of 20 bytes, or a derived account's 32.
    only([20, 32].includes(data.length));
    return `${prefix}:${hex.encode(data)}`;
  },
  solana: (text) => {
    only(solana.isAddress(text));
    return hex.encode(Uint8Array.from(solana.getAddressEncoder().encode(text)));
  },
  cardano: (text) => {
    if (/^(addr|stake)/i.test(text)) return shelley(text);
    // As it writes it: when reading it overlooks longer heads and another order of attributes.
    only(cardano.ByronAddress.from_base58(text).to_base58() === text);
    return text;
  },
  bip122: (text) => {
    const separator = text.lastIndexOf('1');
    const segwit = BITCOINS.segwit.includes(text.slice(0, separator).toLowerCase());
    if (segwit) return witness(text);
    return text.startsWith('t') ? transparent(text) : hashed(text, BITCOINS.base58);
  },
  xrpl: (text) => {
    if (xrpl.isValidClassicAddress(text)) return hex.encode(xrpl.decodeAccountID(text));
    const { accountId, tag, test } = xrpl.decodeXAddress(text);
    // The library overlooks a tag that its flag denies (XLS-5), when reading; not when writing.
    only(xrpl.encodeXAddress(accountId, tag, test) === text);
    return hex.encode(accountId);
  },
  dash: (text) => hashed(text, DASH),
  tron: (text) => {
    const base58 = /^41[0-9a-f]{40}$/i.test(text)
      ? bitcoin.toBase58Check(hex.decode(text.slice(2).toLowerCase()), TRON)
      : text;
    only(AnyAddress.isValid(base58, CoinType.tron));
    return base58;
  },
  avax: (text) => {
    if (text.startsWith('0x')) {
      only(ethereum.isValid(text));
      return text.toLowerCase();
    }
    only(/^[XPC]-/.test(text));
    const { prefix, bytes: hash } = bech32.decodeToBytes(text.slice(2));
    only(AVAX.includes(prefix) && hash.length === 20);
    return `${text[0]}:${prefix}:${hex.encode(hash)}`;
  },
};

const TEZOS = [
  ...['Ed25519', 'Secp256k1', 'P256', 'BLS12_381'].map((curve) => `${curve}PublicKeyHash`),
  'ContractHash',
];

const shelleys = (raw) => {
  const [payment, stake] = [raw.slice(0, 28), raw.slice(4, 32)].map((hash) =>
    cardano.Ed25519KeyHash.from_bytes(hash),
  );
  const key = cardano.Credential.from_keyhash(payment);
  const scripted = cardano.ScriptHash.from_bytes(raw.slice(2, 30));
  const script = cardano.Credential.from_scripthash(scripted);
  const staker = cardano.Credential.from_keyhash(stake);
  const numbers = [...raw.slice(0, 3)].map((byte) => cardano.BigNum.from_str(`${byte ** 2}`));
  const pointer = cardano.Pointer.new_pointer(...numbers);
  return [0, 1].flatMap((network) =>
    [key, script].flatMap((owner) => [
      cardano.BaseAddress.new(network, owner, staker),
      cardano.BaseAddress.new(network, owner, script),
      cardano.EnterpriseAddress.new(network, owner),
      cardano.PointerAddress.new(network, owner, pointer),
      cardano.RewardAddress.new(network, owner),
    ]),
  );
};

const byrons = (raw) => {
  const key = cardano.Bip32PublicKey.from_bytes(bytes(raw, raw));
  return [764824073, 1097911063].map((magic) =>
    cardano.ByronAddress.icarus_from_key(key, magic).to_base58(),
  );
};

const write = {
  eip155: (raw) => [ethereum.addChecksum(hex.encode(raw.slice(0, 20)))],
  tezos: (raw) =>
    TEZOS.map((kind) => tezos.b58Encode(raw.slice(0, 20), tezos.PrefixV2[kind])),
  aptos: (raw) => [
    AnyAddress.createWithString(`0x${hex.encode(raw)}`, CoinType.aptos).description(),
  ],
  polkadot: (raw) =>
    [0, 2, 42, 63, 64, 66, 255, 256, 1284, 7391, 16383].map((p) => polkadot.encodeAddress(raw, p)),
  starknet: (raw) => {
    // Below 2**251: a field element that is an address.
    const short = `0x${hex.encode(raw.slice(0, 31))}`;
    return [starknet.getChecksumAddress(short), starknet.addAddressPadding(short)];
  },
  cosmos: (raw) =>
    ['cosmos', 'osmo', 'juno', 'celestia', 'neutron', 'cosmosvaloper'].flatMap((prefix) => [
      cosmos.toBech32(prefix, raw.slice(0, 20)),
      cosmos.toBech32(prefix, raw),
    ]),
  solana: (raw) => [solana.getAddressDecoder().decode(raw)],
  cardano: (raw) => [...shelleys(raw).map((a) => a.to_address().to_bech32()), ...byrons(raw)],
  bip122: (raw) => [
    ...BITCOINS.base58.map((version) => bitcoin.toBase58Check(raw.slice(0, 20), version)),
    ...['bc', 'tb', 'bcrt', 'ltc', 'dgb', 'vtc'].flatMap((prefix) => [
      bitcoin.toBech32(raw.slice(0, 20), 0, prefix),
      bitcoin.toBech32(raw, 0, prefix),
      bitcoin.toBech32(raw, 1, prefix),
    ]),
    bitcoin.toBech32(raw.slice(0, 2 + (raw[0] & 15)), 2 + (raw[1] % 15), 'bc'),
  ],
  xrpl: (raw) => {
    const classic = xrpl.encodeAccountID(raw.slice(0, 20));
    const tag = new DataView(raw.buffer).getUint32(0);
    const extended = [false, 0, 1, tag, 2 ** 32 - 1].flatMap((t) =>
      [false, true].map((test) => xrpl.classicAddressToXAddress(classic, t, test)),
    );
    return [classic, ...extended];
  },
  dash: (raw) => DASH.map((version) => bitcoin.toBase58Check(raw.slice(0, 20), version)),
  tron: (raw) => [bitcoin.toBase58Check(raw.slice(0, 20), TRON)],
  avax: (raw) =>
    ['avax', 'fuji'].flatMap((prefix) => {
      const text = bech32.encodeFromBytes(prefix, raw.slice(0, 20));
      return ['X', 'P', 'C'].map((alias) => `${alias}-${text}`);
    }),
};

// Right checksums around what is no address: other versions, other lengths, stray padding.
const base58s = (raw, versions) =>
  [...versions, raw[0], raw[1]].flatMap((version) =>
    [19, 20, 21].map((size) => bs58check.encode(bytes([version], raw.slice(0, size)))),
  );

const bech32s = (raw, prefixes, start = []) =>
  prefixes.flatMap((prefix) =>
    [bech32, bech32m].flatMap((code) => [
      ...[1, 2, 19, 20, 21, 28, 32].map((size) =>
        code.encode(prefix, [...start, ...code.toWords(raw.slice(0, size))]),
      ),
      code.encode(prefix, [...start, ...code.toWords(raw.slice(0, 20)), 0]),
      code.encode(prefix, [...start, ...code.toWords(raw.slice(0, 31)).slice(0, -1), raw[0] & 31]),
    ]),
  );

const ss58 = (prefix, body) => {
  const hash = polkadot.blake2AsU8a(bytes(Buffer.from('SS58PRE'), prefix, body), 512);
  return polkadot.base58Encode(bytes(prefix, body, hash.slice(0, body.length < 32 ? 1 : 2)));
};

// Byron's payload of CBOR in its envelope, with the CRC that belongs to it (CIP-19).
const byron = (payload, length = [0x58, payload.length]) => {
  const sum = crc32(Uint8Array.from(payload));
  const number = [0x1a, sum >>> 24, (sum >>> 16) & 255, (sum >>> 8) & 255, sum & 255];
  return polkadot.base58Encode(bytes([0x82, 0xd8, 0x18], length, payload, number));
};

const strangeByrons = (raw) => {
  const root = [0x58, 28, ...raw.slice(0, 28)];
  const path = [1, 0x58, 30, 0x58, 28, ...raw.slice(4)];
  const magic = [2, 0x45, 0x1a, 0x41, 0x70, 0xcb, 0x17];
  const whole = [0x83, ...root, 0xa0, 0];
  return [
    byron(whole),
    byron(whole, [0x59, 0, whole.length]),
    byron([...whole, 0]),
    byron([0x9f, ...whole.slice(1), 0xff]),
    byron([0x84, ...whole.slice(1), 0]),
    byron([0x82, ...root, 0xa0]),
    ...[1, 2, 3, 23].map((type) => byron([0x83, ...root, 0xa0, type])),
    ...[27, 29].map((size) => byron([0x83, 0x58, size, ...raw.slice(0, size), 0xa0, 0])),
    byron([0x83, ...root, 0xa1, ...path, 0]),
    byron([0x83, ...root, 0xa1, ...magic, 0]),
    byron([0x83, ...root, 0xa2, ...path, ...magic, 0]),
    byron([0x83, ...root, 0xa2, ...magic, ...path, 0]),
    byron([0x83, ...root, 0xa2, ...magic, ...magic, 0]),
    byron([0x83, ...root, 0xa1, 3, 0x41, 0, 0]),
    byron([0x83, ...root, 0xa1, 2, 0x43, 0x19, 1, 2, 0]),
    byron([0x83, ...root, 0xa1, 2, 0x41, 1, 0]),
    byron([0x83, ...root, 0xbf, 0xff, 0]),
  ];
};

const near = {
  eip155: () => [],
  tezos: (raw) => [
    ...['SmartRollupHash', 'ZkRollupHash', 'BlindedPublicKeyHash'].map((kind) =>
      tezos.b58Encode(raw.slice(0, 20), tezos.PrefixV2[kind]),
    ),
    ...[19, 21].map((size) =>
      bs58check.encode(bytes([0x06, 0xa1, 0x9f], raw.slice(0, size))),
    ),
  ],
  aptos: (raw) =>
    [hex.encode(raw.slice(0, 31)), 'f', 'f'.padStart(64, '0'), '10', '10'.padStart(64, '0')].map(
      (digits) => `0x${digits}`,
    ),
  polkadot: (raw) => [
    ...[46, 47, 63, raw[0]].map((first) => ss58([first], raw)),
    ...[64, 69, 90, 127, 128, 255].map((first) => ss58([first, raw[0]], raw)),
    ...[1, 2, 4, 8, 31].map((size) => ss58([42], raw.slice(0, size))),
    ss58([42], [2, ...raw]),
    ss58([0x50, 1], [3, ...raw]),
  ],
  starknet: (raw) => [`0x${hex.encode(raw)}`, `0x${raw[0] & 3}`],
  cosmos: (raw) => bech32s(raw, ['cosmos', 'osmo', 'cosmosvalcons']),
  solana: (raw) =>
    [31, 33].map((size) => polkadot.base58Encode(bytes(raw, [7]).slice(0, size))),
  cardano: (raw) => [
    ...['addr', 'addr_test', 'stake', 'stake_test', 'drep'].flatMap((prefix) =>
      [raw[0], 0x61, 0x60, 0xe1, 0xf0, 0x90].map((header) =>
        bech32.encodeFromBytes(prefix, bytes([header], raw.slice(0, 28))),
      ),
    ),
    ...[27, 29, 55, 56, 57].map((size) =>
      bech32.encode('addr', bech32.toWords(bytes([1], raw, raw).slice(0, size + 1)), false),
    ),
    ...strangeByrons(raw),
  ],
  bip122: (raw) => [
    ...base58s(raw, [0x00, 0x05, 0x6f, 0x30, 0x80, 0x4c]),
    ...bech32s(raw, ['bc', 'tb', 'ltc', 'tc'], [0]),
    ...bech32s(raw, ['bc'], [1]),
    ...bech32s(raw, ['bc'], [16]),
    ...bech32s(raw, ['bc'], [17]),
    ...[...BITCOINS.zcash, 0x1cb9].map((version) =>
      bs58check.encode(bytes([version >> 8, version & 255], raw.slice(0, 20))),
    ),
  ],
  xrpl: (raw) => [
    ...[19, 20, 21].map((size) => xrpl.codec.encodeChecked(bytes([0], raw.slice(0, size)))),
    ...[0, 1, 2, 255].flatMap((flag) =>
      [0, 1].flatMap((low) =>
        [0, 1].map((high) =>
          xrpl.codec.encodeChecked(
            bytes([0x05, 0x44], raw.slice(0, 20), [flag, low, 0, 0, 0, high, 0, 0, 0]),
          ),
        ),
      ),
    ),
    xrpl.encodeSeed(raw.slice(0, 16), 'secp256k1'),
    xrpl.encodeNodePublic(bytes([2], raw)),
  ],
  dash: (raw) => base58s(raw, [...DASH, 0x00, 0xcc]),
  tron: (raw) => [
    ...base58s(raw, [TRON, 0xa0]),
    ...[TRON, 0xa0].map((version) => version.toString(16) + hex.encode(raw.slice(0, 20))),
  ],
  avax: (raw) =>
    bech32s(raw, ['avax', 'fuji', 'local', 'custom', 'cosmos']).map((text) => `X-${text}`),
};

const answer = ({ namespace, address, seed }) => {
  if (seed !== undefined) {
    const raw = hex.decode(seed);
    return { addresses: [...write[namespace](raw), ...near[namespace](raw)] };
  }
  try {
    return { ok: true, account: read[namespace](address) };
  } catch {
    return { ok: false };
  }
};

const lines = readFileSync(0, 'utf8').split('\n').filter(Boolean);
const told = lines.map((line) => `${JSON.stringify(answer(JSON.parse(line)))}\n`).join('');
process.stdout.write(told);
