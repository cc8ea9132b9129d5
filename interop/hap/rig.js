// What hap-controller lacks: timed writes and the access code messages.
"use strict";

const HttpClient = require("hap-controller/lib/transport/ip/http-client").default;

/** An unpaired client of an accessory, or one with another's pairing. */
const client = (a, pairing, options) => new HttpClient(a.id, a.host, a.port, pairing, options);

/** Pairs and gives a client with a connection that lasts. */
async function pair(a) {
    const c = client(a);
    await c.pairSetup(a.setup_code);
    const pairing = c.getLongTermData();
    await c.close();
    return {pairing, client: client(a, pairing, {usePersistentConnections: true})};
}

/** PUT /characteristics within a timed write; hap-controller has no call for it over IP, so its verified connection is used. */
async function putTimed(c, ttl, wait, ...characteristics) {
    const connection = await c.getDefaultVerifiedConnection();
    const pid = Math.floor(Math.random() * 2 ** 40);
    const prepared = await connection.put("/prepare", JSON.stringify({ttl, pid}), "application/hap+json");
    if (prepared.statusCode !== 200) throw new Error(`prepare: ${prepared.statusCode}`);
    await new Promise((resolve) => setTimeout(resolve, wait));
    return connection.put("/characteristics", JSON.stringify({pid, characteristics}), "application/hap+json");
}

const putPlain = async (c, ...characteristics) =>
    (await c.getDefaultVerifiedConnection()).put("/characteristics", JSON.stringify({characteristics}), "application/hap+json");

const results = (response) => JSON.parse(response.body.toString()).characteristics;

/** Waits for the next event of a client that names iid. */
const event = (c, iid, ms = 15000) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no event of ${iid} within ${ms} ms`)), ms);
    const on = (ev) => {
        const hit = ev.characteristics.find((x) => Number(x.iid) === iid);
        if (!hit) return;
        clearTimeout(timer);
        c.off("event", on);
        resolve(hit.value);
    };
    c.on("event", on);
});

// TLV8, by hand: the point of a peer is that it shares nothing with what it tries.
const tlv = (type, value) => Buffer.concat([Buffer.from([type, value.length]), value]);
const uint = (n) => (n < 256 ? Buffer.from([n]) : Buffer.from([n & 255, n >> 8]));

function parse(b) {
    const items = [];
    for (let i = 0; i < b.length; i += 2 + b[i + 1]) items.push([b[i], b.subarray(i + 2, i + 2 + b[i + 1])]);
    return items;
}

const LIST = 1, READ = 2, ADD = 3, UPDATE = 4, REMOVE = 5;

/** One access code operation; items are {id, code}. Gives the echoed operation and the answers {id, code, flags, status}. */
async function accessCodes(c, iid, operation, ...items) {
    const parts = [tlv(1, Buffer.from([operation]))];
    items.forEach(({id, code}, i) => {
        if (i > 0) parts.push(Buffer.from([0, 0]));
        const fields = [];
        if (id !== undefined) fields.push(tlv(1, uint(id)));
        if (code !== undefined) fields.push(tlv(2, Buffer.from(code)));
        parts.push(tlv(2, Buffer.concat(fields)));
    });
    const answer = await putPlain(c, {aid: 1, iid, value: Buffer.concat(parts).toString("base64"), r: true});
    const [result] = results(answer);
    if (result.status !== 0) return {status: result.status};
    const out = {answers: []};
    for (const [type, value] of parse(Buffer.from(result.value, "base64"))) {
        if (type === 1) out.operation = value[0];
        if (type === 3) {
            const a = {};
            for (const [t, v] of parse(value)) {
                if (t === 1) a.id = v.length === 1 ? v[0] : v.readUInt16LE();
                if (t === 2) a.code = v.toString();
                if (t === 3) a.flags = v[0];
                if (t === 4) a.status = v[0];
            }
            out.answers.push(a);
        }
    }
    return out;
}

/** A type as HomeKit writes it; hap-controller gives whole UUIDs. */
const short = (type) => type.replace(/-0000-1000-8000-0026BB765291$/i, "").replace(/^0+/, "");

/** iid of a characteristic by its short type, of the first accessory that has it. */
function find(accessories, type) {
    for (const a of accessories.accessories)
        for (const s of a.services)
            for (const ch of s.characteristics) if (short(ch.type) === type) return Number(ch.iid);
    throw new Error(`no characteristic ${type}`);
}

module.exports = {client, pair, putTimed, putPlain, results, event, accessCodes, find, short, parse, LIST, READ, ADD, UPDATE, REMOVE};
