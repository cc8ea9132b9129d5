// hap-controller pairs with locks and moves them.
"use strict";

const assert = require("node:assert/strict");
const {after, before, describe, it} = require("node:test");
const rig = require("./rig");

describe("a lock, plain writes accepted", () => {
    let peer, front, back, one, two, current, target;
    before(async () => {
        peer = await rig.start("--locks", "2", "--port", "21700");
        [front, back] = peer.accessories;
    });
    after(async () => {
        await one?.close();
        await two?.close();
        await peer?.stop();
    });

    it("each lock is its own accessory", () => {
        assert.equal(peer.accessories.length, 2);
        assert.notEqual(front.id, back.id);
        assert.notEqual(front.setup_code, back.setup_code);
        assert.notEqual(front.port, back.port);
        assert.match(front.setup_uri, /^X-HM:\/\/[0-9A-Z]{9}[0-9A-Z]{4}$/);
    });

    it("refuses a wrong code", async () => {
        const wrong = front.setup_code === "123-45-679" ? "123-45-670" : "123-45-679";
        const c = rig.client(front);
        await assert.rejects(c.pairSetup(wrong));
        await c.close();
        const [shown] = await peer.do({do: "show"});
        assert.equal(shown.paired, false);
    });

    it("refuses another lock's code", async () => {
        const c = rig.client(front);
        await assert.rejects(c.pairSetup(back.setup_code));
        await c.close();
    });

    it("pairs with the printed code, and not twice", async () => {
        const p = await rig.pair(front);
        one = p.client;
        two = rig.client(front, p.pairing, {usePersistentConnections: true});
        const [shown] = await peer.do({do: "show"});
        assert.equal(shown.paired, true);
        const stranger = rig.client(front);
        await assert.rejects(stranger.pairSetup(front.setup_code));
        await stranger.close();
    });

    it("lists the pairing", async () => {
        const list = await one.listPairings();
        assert.ok(list);
    });

    it("shows a lock", async () => {
        const db = await one.getAccessories();
        assert.equal(db.accessories.length, 1);
        const [a] = db.accessories;
        assert.equal(Number(a.aid), 1);
        const types = a.services.map((s) => rig.short(s.type));
        for (const t of ["3E", "A2", "45", "44", "96", "80", "260"]) assert.ok(types.includes(t), `service ${t} among ${types}`);
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
        const {characteristics} = await one.getCharacteristics([`1.${current}`]);
        assert.equal(characteristics[0].value, 0);
        assert.deepEqual((await peer.do({do: "asked"})).filter((x) => x === "lock" || x === "unlock"), ["unlock"]);
    });

    it("locks by a timed write", async () => {
        const told = rig.event(two, current);
        const r = await rig.putTimed(one, 5000, 0, {aid: 1, iid: target, value: 1});
        assert.equal(r.statusCode, 204);
        assert.equal(await told, 1);
    });

    it("does not move for a timed write that comes too late", async () => {
        const r = await rig.putTimed(one, 50, 150, {aid: 1, iid: target, value: 0});
        assert.equal(r.statusCode, 207);
        assert.equal(rig.results(r)[0].status, -70410);
        assert.deepEqual((await peer.do({do: "asked"})).filter((x) => x === "unlock"), []);
    });

    it("tells of a hand on the thumb turn", async () => {
        const states = [rig.event(two, current), rig.event(two, target)];
        await peer.do({do: "turn", on: false});
        assert.deepEqual(await Promise.all(states), [0, 0]);
        await peer.do({do: "turn", on: true});
    });

    it("answers for a lock that is asleep, and nothing moves when it wakes", async () => {
        await peer.do({do: "asleep", on: true});
        const began = Date.now();
        const r = await rig.putPlain(one, {aid: 1, iid: target, value: 0});
        assert.equal(r.statusCode, 207);
        assert.equal(rig.results(r)[0].status, -70402);
        assert.ok(Date.now() - began < 9500, "within HomeKit's patience");
        await peer.do({do: "asleep", on: false});
        await new Promise((resolve) => setTimeout(resolve, 500));
        assert.deepEqual((await peer.do({do: "asked"})).filter((x) => x === "unlock"), []);
        const {characteristics} = await one.getCharacteristics([`1.${current}`, `1.${target}`]);
        assert.deepEqual(characteristics.map((c) => c.value), [1, 1]);
    });

    it("refuses nonsense", async () => {
        for (const value of ["abc", {}, [], 7, -1]) {
            const r = await rig.putPlain(one, {aid: 1, iid: target, value});
            assert.ok(r.statusCode === 400 || rig.results(r)[0].status === -70410, `${JSON.stringify(value)}: ${r.statusCode}`);
        }
        assert.deepEqual((await peer.do({do: "asked"})).filter((x) => x === "unlock"), []);
    });

    it("removes the pairing, closes its connections, and pairs again", async () => {
        const gone = new Promise((resolve) => two.once("event-disconnect", resolve));
        await one.removePairing(one.getLongTermData().iOSDevicePairingID);
        await gone;
        const [shown] = await peer.do({do: "show"});
        assert.equal(shown.paired, false);
        await assert.rejects(two.getAccessories());
        const p = await rig.pair(front);
        await one.close();
        one = p.client;
        const {characteristics} = await one.getCharacteristics([`1.${current}`]);
        assert.equal(characteristics[0].value, 1);
    });
});

describe("a lock, timed writes required", () => {
    let peer, c, target;
    before(async () => {
        peer = await rig.start("--locks", "1", "--timed-writes", "require", "--port", "21800");
        c = (await rig.pair(peer.accessories[0])).client;
        target = rig.find(await c.getAccessories(), "1E");
    });
    after(async () => {
        await c?.close();
        await peer?.stop();
    });

    it("refuses a plain write", async () => {
        const r = await rig.putPlain(c, {aid: 1, iid: target, value: 0});
        assert.equal(r.statusCode, 207);
        assert.equal(rig.results(r)[0].status, -70410);
        assert.deepEqual((await peer.do({do: "asked"})).filter((x) => x === "unlock"), []);
    });

    it("takes a timed one", async () => {
        const r = await rig.putTimed(c, 5000, 0, {aid: 1, iid: target, value: 0});
        assert.equal(r.statusCode, 204);
        assert.deepEqual((await peer.do({do: "asked"})).filter((x) => x === "unlock"), ["unlock"]);
    });
});

describe("a bridge", () => {
    let peer, c;
    before(async () => {
        peer = await rig.start("--locks", "3", "--mode", "bridge", "--port", "21900");
        c = (await rig.pair(peer.accessories[0])).client;
    });
    after(async () => {
        await c?.close();
        await peer?.stop();
    });

    it("shows its locks and moves one of them", async () => {
        assert.equal(peer.accessories.length, 1);
        const db = await c.getAccessories();
        assert.deepEqual(db.accessories.map((a) => Number(a.aid)).sort(), [1, 2, 3, 4]);
        const target = rig.find(db, "1E");
        await c.setCharacteristics({[`3.${target}`]: 0});
        const moved = [];
        for (let lock = 0; lock < 3; lock++) moved.push((await peer.do({do: "asked", lock})).includes("unlock"));
        assert.equal(moved.filter(Boolean).length, 1);
    });
});
