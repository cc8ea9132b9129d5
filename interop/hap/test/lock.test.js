// hap-controller pairs with locks of the daemon and moves them; hands at the door do too.
"use strict";

const assert = require("node:assert/strict");
const {after, before, describe, it} = require("node:test");
const {build, pause} = require("../../house");
const rig = require("../rig");
const qr = require("../qr");

const address = "127.0.0.31";

describe("hap-controller and the daemon's locks", () => {
    let house, front, back, pairing, one, two, current, target;
    const accessories = async () => (await house.accessories()).map((a) => ({...a, host: address}));
    /** The bolt's movements at the door, as [bolt, cause]. */
    const moves = async (lock = 1) => (await house.see(`/locks/${lock}/history`)).map((m) => [m.bolt, m.cause]);
    const open = () => rig.client(front, pairing, {usePersistentConnections: true});

    before(async () => {
        house = await build({models: ["YRD226 TSDB", "SMARTCODE_DEADBOLT_10"], address, homekit: {timed_writes: "accept"}});
        [front, back] = await accessories();
    });
    after(async () => {
        await one?.close().catch(() => {});
        await two?.close().catch(() => {});
        await house?.close();
    });

    it("each lock is its own accessory", async () => {
        assert.equal((await accessories()).length, 2);
        assert.notEqual(front.id, back.id);
        assert.notEqual(front.setup_code, back.setup_code);
        assert.notEqual(front.port, back.port);
        assert.match(front.setup_uri, /^X-HM:\/\/[0-9A-Z]{9}[0-9A-Z]{4}$/);
    });

    it("zbarimg reads the QR code that the terminal shows", async () => {
        const text = await house.run(["homekit", "show", front.lock]);
        assert.equal(qr.readText(text), front.setup_uri);
        assert.ok(text.includes(front.setup_code));
    });

    it("refuses a wrong code, and another lock's", async () => {
        const wrong = front.setup_code === "123-45-679" ? "123-45-670" : "123-45-679";
        for (const code of [wrong, back.setup_code]) {
            const c = rig.client(front);
            await assert.rejects(c.pairSetup(code));
            await c.close();
        }
        assert.equal((await accessories())[0].paired, false);
    });

    it("pairs with the printed code, and not twice", async () => {
        const p = await rig.pair(front);
        ({client: one, pairing} = p);
        two = open();
        assert.equal((await accessories())[0].paired, true);
        const stranger = rig.client(front);
        await assert.rejects(stranger.pairSetup(front.setup_code));
        await stranger.close();
        assert.ok(await one.listPairings());
    });

    it("shows a lock", async () => {
        const db = await one.getAccessories();
        assert.equal(db.accessories.length, 1);
        const [a] = db.accessories;
        assert.equal(Number(a.aid), 1);
        const types = a.services.map((s) => rig.short(s.type));
        for (const t of ["3E", "A2", "45", "44", "96", "260"]) assert.ok(types.includes(t), `service ${t} among ${types}`);
        const mechanism = a.services.find((s) => rig.short(s.type) === "45");
        assert.equal(mechanism.primary, true);
        current = rig.find(db, "1D");
        target = rig.find(db, "1E");
        const {characteristics} = await one.getCharacteristics([`1.${current}`, `1.${target}`], {meta: true, perms: true, type: true, ev: true});
        assert.equal(characteristics[0].value, 1);
        assert.deepEqual(characteristics[1].perms, ["pr", "pw", "ev", "tw"]);
        assert.equal(characteristics[0].ev, false);
    });

    it("unlocks by a plain write, and tells a second connection", async () => {
        await two.subscribeCharacteristics([`1.${current}`, `1.${target}`]);
        const told = rig.event(two, current);
        await one.setCharacteristics({[`1.${target}`]: 0});
        assert.equal(await told, 0);
        assert.deepEqual(await moves(), [["unlocked", "radio"]]);
        const {characteristics} = await one.getCharacteristics([`1.${current}`]);
        assert.equal(characteristics[0].value, 0);
    });

    it("locks by a timed write", async () => {
        const told = rig.event(two, current);
        const r = await rig.putTimed(one, 5000, 0, {aid: 1, iid: target, value: 1});
        assert.equal(r.statusCode, 204);
        assert.equal(await told, 1);
        assert.deepEqual((await moves()).at(-1), ["locked", "radio"]);
    });

    it("does not move for a timed write that comes too late", async () => {
        const r = await rig.putTimed(one, 50, 150, {aid: 1, iid: target, value: 0});
        assert.equal(r.statusCode, 207);
        assert.equal(rig.results(r)[0].status, -70410);
        assert.equal((await moves()).length, 2);
    });

    it("tells of a hand on the thumb turn", async () => {
        const states = [rig.event(two, current), rig.event(two, target)];
        await house.hand("/locks/1/turn", {lock: false});
        assert.deepEqual(await Promise.all(states), [0, 0]);
        const again = rig.event(two, current);
        await house.hand("/locks/1/turn", {lock: true});
        assert.equal(await again, 1);
    });

    it("tells of a code typed at the keypad, and by whom", {timeout: 120000}, async () => {
        await house.run(["users", "add", "Anna", "--lock", house.ids[0]], "246810\n");
        await house.run(["codes", "set", house.ids[0], "Anna", "--wait", "60s"], "864201\n");
        assert.equal((await house.at("/locks/1/keypad", {code: "246810"})).status, 409, "the code before");
        const action = rig.find(await one.getAccessories(), "1C"); // not on the connection with events: hap-controller takes one that comes meanwhile for its answer
        const told = rig.event(two, current);
        await house.hand("/locks/1/keypad", {code: "864201"});
        assert.equal(await told, 0);
        const {characteristics} = await one.getCharacteristics([`1.${action}`]);
        assert.equal(characteristics[0].value, 5, "opened by keypad");
        assert.match(await house.run(["events"]), /Anna/);
        const locked = rig.event(two, current);
        await house.hand("/locks/1/turn", {lock: true});
        await locked;
    });

    it("answers for a lock that is out of reach, and nothing moves when it is back", async () => {
        const before = await moves();
        await house.hand("/locks/1/range", {off: true});
        const began = Date.now();
        const r = await rig.putPlain(one, {aid: 1, iid: target, value: 0});
        assert.equal(r.statusCode, 207);
        assert.equal(rig.results(r)[0].status, -70402);
        assert.ok(Date.now() - began < 9500, "within HomeKit's patience");
        await house.hand("/locks/1/range", {off: false});
        await pause(12000);
        assert.deepEqual(await moves(), before);
        const {characteristics} = await one.getCharacteristics([`1.${current}`, `1.${target}`]);
        assert.deepEqual(characteristics.map((c) => c.value), [1, 1]);
    });

    it("refuses nonsense", async () => {
        const before = await moves();
        for (const value of ["abc", {}, [], 7, -1]) {
            const r = await rig.putPlain(one, {aid: 1, iid: target, value});
            assert.ok(r.statusCode === 400 || rig.results(r)[0].status === -70410, `${JSON.stringify(value)}: ${r.statusCode}`);
        }
        assert.deepEqual(await moves(), before);
    });

    it("removes the pairing, closes its connections, and pairs again", async () => {
        const gone = new Promise((resolve) => two.once("event-disconnect", resolve));
        await one.removePairing(pairing.iOSDevicePairingID);
        await gone;
        assert.equal((await accessories())[0].paired, false);
        await assert.rejects(two.getAccessories());
        await one.close();
        ({client: one, pairing} = await rig.pair(front));
        const {characteristics} = await one.getCharacteristics([`1.${current}`]);
        assert.equal(characteristics[0].value, 1);
    });

    it("after a restart that wants timed writes, it refuses plain ones and takes timed ones, under the same pairing", async () => {
        await one.close();
        await house.stop();
        await house.start({timed_writes: "require"});
        one = open();
        const known = async () => (await one.getCharacteristics([`1.${current}`])).characteristics[0].value === 1;
        for (let i = 0; !(await known().catch(() => false)); i++) {
            assert.ok(i < 200, "the bolt is not read after the restart");
            await pause(100);
        }
        const before = await moves();
        const plain = await rig.putPlain(one, {aid: 1, iid: target, value: 0});
        assert.equal(plain.statusCode, 207);
        assert.equal(rig.results(plain)[0].status, -70410);
        assert.deepEqual(await moves(), before);
        const timed = await rig.putTimed(one, 9000, 0, {aid: 1, iid: target, value: 0});
        assert.equal(timed.statusCode, 204);
        assert.deepEqual((await moves()).slice(before.length), [["unlocked", "radio"]]);
    });

    it("behind a bridge, shows both locks and moves one of them", async () => {
        await one.close();
        await house.stop();
        await house.start({mode: "bridge"});
        const [bridge, ...more] = await accessories();
        assert.equal(more.length, 0);
        const c = (await rig.pair(bridge)).client;
        try {
            const db = await c.getAccessories();
            assert.equal(db.accessories.length, 3);
            const {aid} = db.accessories.find((a) => a.services.some((s) => s.characteristics.some((x) => x.value === "SMARTCODE_DEADBOLT_10")));
            const before = await moves(1);
            await c.setCharacteristics({[`${aid}.${rig.find(db, "1E")}`]: 0});
            for (let i = 0; (await moves(2)).length === 0; i++) {
                assert.ok(i < 200, "the lock did not move");
                await pause(50);
            }
            assert.deepEqual(await moves(2), [["unlocked", "radio"]]);
            assert.deepEqual(await moves(1), before);
        } finally {
            await c.close();
        }
    });
});
