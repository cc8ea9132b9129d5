// hap-controller drives the access code service, as the Home app does.
"use strict";

const assert = require("node:assert/strict");
const {after, before, describe, it} = require("node:test");
const rig = require("./rig");
const {LIST, READ, ADD, UPDATE, REMOVE} = rig;

const OK = 0, TOO_MANY = 2, TOO_MANY_BULK = 3, DUPLICATE = 4, TOO_SHORT = 5, TOO_LONG = 6, BAD_CHARACTER = 7, INVALID = 8, NOT_EXISTS = 9;

describe("access codes", () => {
    let peer, c, other, control, limits, state;
    const ask = async (operation, ...items) => {
        const r = await rig.accessCodes(c, control, operation, ...items);
        assert.equal(r.operation, operation, "the operation is echoed");
        return r.answers;
    };
    const one = async (operation, item) => {
        const answers = await ask(operation, item);
        assert.equal(answers.length, 1);
        return answers[0];
    };
    before(async () => {
        peer = await rig.start("--locks", "2", "--port", "22000");
        const p = await rig.pair(peer.accessories[0]);
        c = p.client;
        other = (await rig.pair(peer.accessories[1])).client;
        const db = await c.getAccessories();
        control = rig.find(db, "262");
        limits = rig.find(db, "261");
        state = rig.find(db, "263");
    });
    after(async () => {
        await c?.close();
        await other?.close();
        await peer?.stop();
    });

    it("tells its limits", async () => {
        const {characteristics} = await c.getCharacteristics([`1.${limits}`]);
        const items = Object.fromEntries(rig.parse(Buffer.from(characteristics[0].value, "base64")).map(([t, v]) => [t, v[0]]));
        assert.deepEqual(items, {1: 1, 2: 4, 3: 8, 4: 6});
    });

    let first;
    it("lists none, adds one, lists and reads it", async () => {
        assert.deepEqual(await ask(LIST), []);
        first = await one(ADD, {code: "2468"});
        assert.equal(first.status, OK);
        assert.equal(first.code, "2468");
        assert.ok(first.id > 0 && first.id < 256);
        const list = await ask(LIST);
        assert.deepEqual(list.map((x) => x.id), [first.id]);
        assert.deepEqual(await one(READ, {id: first.id}), {id: first.id, code: "2468", flags: 0, status: OK});
    });

    it("a code that was added opens the door", async () => {
        assert.equal(await peer.do({do: "slots"}), 1);
        assert.equal(await peer.do({do: "keypad", code: "2468"}), true);
        assert.equal(await peer.do({do: "keypad", code: "1357"}), false);
        await peer.do({do: "turn", on: true});
    });

    it("updates it", async () => {
        const a = await one(UPDATE, {id: first.id, code: "86420"});
        assert.deepEqual({id: a.id, code: a.code, status: a.status}, {id: first.id, code: "86420", status: OK});
        await peer.do({do: "slots"});
        assert.equal(await peer.do({do: "keypad", code: "2468"}), false);
        assert.equal(await peer.do({do: "keypad", code: "86420"}), true);
    });

    it("edits as the Home app does, by Remove and Add, and keeps the person", async () => {
        const before = await peer.do({do: "users"});
        assert.equal((await one(REMOVE, {id: first.id})).status, OK);
        first = await one(ADD, {code: "97531"});
        assert.equal(first.status, OK);
        assert.deepEqual(await peer.do({do: "users"}), before);
    });

    it("says what is wrong with each code", async () => {
        for (const [status, operation, item] of [
            [DUPLICATE, ADD, {code: "97531"}], [TOO_SHORT, ADD, {code: "123"}], [TOO_LONG, ADD, {code: "123456789"}], [BAD_CHARACTER, ADD, {code: "12a4"}],
            [INVALID, ADD, {}], [INVALID, READ, {}], [INVALID, 9, {id: 1}],
            [NOT_EXISTS, READ, {id: 200}], [NOT_EXISTS, UPDATE, {id: 200, code: "1234"}], [NOT_EXISTS, REMOVE, {id: 200}],
            [TOO_SHORT, UPDATE, {id: first.id, code: "1"}],
        ]) {
            const a = await one(operation, item);
            assert.equal(a.status, status, `operation ${operation} of ${JSON.stringify(item)}`);
        }
    });

    it("takes a batch, each on its own merits", async () => {
        const added = await ask(ADD, {code: "1111"}, {code: "22"}, {code: "1111"}, {code: "3333"});
        assert.deepEqual(added.map((x) => x.status), [OK, TOO_SHORT, DUPLICATE, OK]);
        const read = await ask(READ, {id: added[3].id}, {id: added[0].id});
        assert.deepEqual(read.map((x) => x.code), ["3333", "1111"]);
        const removed = await ask(REMOVE, {id: added[0].id}, {id: added[0].id}, {id: added[3].id});
        assert.deepEqual(removed.map((x) => x.status), [OK, NOT_EXISTS, OK]);
        const many = await ask(READ, ...Array(40).fill({id: first.id}));
        assert.equal(many[0].status, OK);
        assert.equal(many[39].status, TOO_MANY_BULK);
    });

    it("is full at some time", async () => {
        const codes = ["4001", "4002", "4003", "4004", "4005"];
        const added = await ask(ADD, ...codes.map((code) => ({code})));
        assert.deepEqual(added.map((x) => x.status), [OK, OK, OK, OK, OK]);
        assert.equal((await one(ADD, {code: "4006"})).status, TOO_MANY);
        const removed = await ask(REMOVE, ...added.map(({id}) => ({id})));
        assert.ok(removed.every((x) => x.status === OK));
    });

    it("shows codes made elsewhere, and counts that", async () => {
        const {characteristics} = await c.getCharacteristics([`1.${state}`]);
        await c.subscribeCharacteristics([`1.${state}`]);
        const told = rig.event(c, state);
        await peer.do({do: "add-user", name: "Anna", code: "550055"});
        assert.equal(await told, characteristics[0].value + 1);
        const list = await ask(LIST);
        assert.equal(list.length, 2);
        const read = await ask(READ, ...list.map(({id}) => ({id})));
        assert.ok(read.some((x) => x.code === "550055"));
    });

    it("one guest on two locks is one person", async () => {
        const before = (await peer.do({do: "users"})).length;
        assert.equal((await one(ADD, {code: "777777"})).status, OK);
        const r = await rig.accessCodes(other, control, ADD, {code: "777777"});
        assert.equal(r.answers[0].status, OK);
        assert.equal((await peer.do({do: "users"})).length, before + 1);
    });

    it("a malformed message is an invalid value", async () => {
        const r = await rig.putPlain(c, {aid: 1, iid: control, value: Buffer.from([2, 6, 2, 4]).toString("base64"), r: true});
        assert.equal(rig.results(r)[0].status, -70410);
    });

    it("nobody but an administrator gets at codes", async () => {
        const {generateKeyPairSync} = require("node:crypto");
        const {publicKey, privateKey} = generateKeyPairSync("ed25519");
        const raw = (k, type) => Buffer.from(k.export({format: "jwk"})[type], "base64url");
        const id = "11111111-2222-3333-4444-555555555555";
        await c.addPairing(id, raw(publicKey, "x"), false);
        const mine = c.getLongTermData();
        const guest = rig.client(peer.accessories[0], {
            ...mine,
            iOSDevicePairingID: Buffer.from(id).toString("hex"),
            iOSDeviceLTPK: raw(publicKey, "x").toString("hex"),
            iOSDeviceLTSK: Buffer.concat([raw(privateKey, "d"), raw(publicKey, "x")]).toString("hex"),
        }, {usePersistentConnections: true});
        const r = await rig.accessCodes(guest, control, LIST);
        assert.equal(r.status, -70401);
        await guest.close();
    });
});
