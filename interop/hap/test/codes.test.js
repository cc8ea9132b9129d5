// hap-controller drives the access code service, as the Home app does.
"use strict";

const assert = require("node:assert/strict");
const {after, before, describe, it} = require("node:test");
const {build, until} = require("../../house");
const rig = require("../rig");
const {LIST, READ, ADD, UPDATE, REMOVE} = rig;

const OK = 0, TOO_MANY = 2, TOO_MANY_BULK = 3, DUPLICATE = 4, TOO_SHORT = 5, TOO_LONG = 6, BAD_CHARACTER = 7, INVALID = 8, NOT_EXISTS = 9;

const address = "127.0.0.32";

describe("access codes, by hap-controller on the daemon", () => {
    let house, front, back, c, other, control, limits, state;
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
    const users = async () => (await house.cli(["users"])).map((u) => u.name);
    /** What the emulated lock holds, once it is in step. */
    const slots = async (lock) => {
        let list;
        await until("the lock is in step", async () => {
            list = await house.cli(["codes", "list", house.ids[lock - 1]]);
            return list.filter((x) => x.user).every((x) => x.state === "in sync"); // others are found on the lock, and not ours
        }, 240000).catch((err) => assert.fail(`${err.message}: ${JSON.stringify(list)}`));
        return (await house.see(`/locks/${lock}/codes`)).map((s) => s.code).sort();
    };
    const keypad = async (code) => (await house.at("/locks/1/keypad", {code})).status === 200;

    before(async () => {
        house = await build({models: ["YRD226 TSDB", "SMARTCODE_DEADBOLT_10"], address, homekit: {timed_writes: "accept", code_state: true}});
        [front, back] = (await house.accessories()).map((a) => ({...a, host: address}));
        c = (await rig.pair(front)).client;
        other = (await rig.pair(back)).client;
        const db = await c.getAccessories();
        control = rig.find(db, "262");
        limits = rig.find(db, "261");
        state = rig.find(db, "263");
    });
    after(async () => {
        await c?.close().catch(() => {});
        await other?.close().catch(() => {});
        await house?.close();
    });

    it("tells its limits", async () => {
        const {characteristics} = await c.getCharacteristics([`1.${limits}`]);
        const items = Object.fromEntries(rig.parse(Buffer.from(characteristics[0].value, "base64")).map(([t, v]) => [t, v[0]]));
        assert.deepEqual({characters: items[1], min: items[2], max: items[3]}, {characters: 1, min: 4, max: 8});
        assert.ok(items[4] >= 249, `${items[4]} codes`);
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
        assert.deepEqual(await slots(1), ["2468"]);
        assert.equal(await keypad("2468"), true);
        assert.equal(await keypad("1357"), false);
    });

    it("updates it", async () => {
        const a = await one(UPDATE, {id: first.id, code: "86420"});
        assert.deepEqual({id: a.id, code: a.code, status: a.status}, {id: first.id, code: "86420", status: OK});
        assert.deepEqual(await slots(1), ["86420"]);
        assert.equal(await keypad("2468"), false);
        assert.equal(await keypad("86420"), true);
    });

    it("edits as the Home app does, by Remove and Add, and keeps the person", async () => {
        const before = await users();
        assert.equal((await one(REMOVE, {id: first.id})).status, OK);
        first = await one(ADD, {code: "97531"});
        assert.equal(first.status, OK);
        assert.deepEqual(await users(), before);
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
        const {answers: many} = await rig.accessCodes(other, control, READ, ...Array(40).fill({id: first.id})); // the lock with fewer slots takes fewer at once
        assert.equal(many[0].status, NOT_EXISTS);
        assert.equal(many[39].status, TOO_MANY_BULK);
    });

    it("is full at some time", async () => {
        const codes = Array.from({length: 31}, (_, i) => String(40000 + i));
        const {answers} = await rig.accessCodes(other, control, ADD, ...codes.map((code) => ({code})));
        assert.equal(answers.length, 31);
        const added = answers.filter((x) => x.status === OK);
        assert.ok(added.length >= 28 && added.length <= 30, `${added.length} codes on a lock with 30 slots`);
        assert.equal(answers[30].status, TOO_MANY);
        const removed = await rig.accessCodes(other, control, REMOVE, ...added.map(({id}) => ({id})));
        assert.ok(removed.answers.every((x) => x.status === OK));
    });

    it("shows codes made elsewhere, and counts that", async () => {
        const {characteristics} = await c.getCharacteristics([`1.${state}`]);
        await c.subscribeCharacteristics([`1.${state}`]);
        const told = rig.event(c, state);
        await house.run(["users", "add", "Anna", "--lock", house.ids[0]], "550055\n");
        assert.equal(await told, characteristics[0].value + 1);
        const list = await ask(LIST);
        assert.equal(list.length, 2);
        const read = await ask(READ, ...list.map(({id}) => ({id})));
        assert.ok(read.some((x) => x.code === "550055"));
    });

    it("one guest on two locks is one person", async () => {
        const before = (await users()).length;
        assert.equal((await one(ADD, {code: "777777"})).status, OK);
        const r = await rig.accessCodes(other, control, ADD, {code: "777777"});
        assert.equal(r.answers[0].status, OK);
        assert.equal((await users()).length, before + 1);
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
        const guest = rig.client(front, {
            ...mine,
            iOSDevicePairingID: Buffer.from(id).toString("hex"),
            iOSDeviceLTPK: raw(publicKey, "x").toString("hex"),
            iOSDeviceLTSK: Buffer.concat([raw(privateKey, "d"), raw(publicKey, "x")]).toString("hex"),
        }, {usePersistentConnections: true});
        const r = await rig.accessCodes(guest, control, LIST);
        assert.equal(r.status, -70401);
        await guest.close();
    });

    it("in the end the locks hold what Apple Home was told, and what they came with", async () => {
        assert.deepEqual(await slots(1), ["550055", "777777", "97531"]);
        assert.deepEqual(await slots(2), ["0000", "1234", "777777"]);
    });
});
