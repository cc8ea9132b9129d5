// zigbee-herdsman, which is not ours, forms a network on the emulated dongle and uses an emulated lock as it would use a real one.
"use strict";

const assert = require("node:assert/strict");
const {spawn, execFileSync} = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const {after, before, describe, it} = require("node:test");
const {Controller, setLogger} = require("zigbee-herdsman");

const root = path.resolve(__dirname, "../../..");
const dir = fs.mkdtempSync(path.join(os.tmpdir(), "herdsman-"));
const binary = path.join(dir, "locksim");

const quiet = () => {};
const loud = (m, ns) => console.error(ns, typeof m === "function" ? m() : m);
const debug = process.env.HERDSMAN_DEBUG ? loud : quiet;
setLogger({debug, info: debug, warning: debug, error: (m, ns) => console.error(ns, m)});

before(() => {
    execFileSync("go", ["build", "-o", binary, "./cmd/locksim"], {cwd: root, stdio: "inherit"});
});

after(() => fs.rmSync(dir, {recursive: true, force: true}));

/** Starts locksim and reads the addresses it prints. */
async function start(args) {
    const child = spawn(binary, args, {stdio: ["ignore", "pipe", "inherit"]});
    const sim = {child, locks: []};
    let text = "";
    await new Promise((resolve, reject) => {
        child.once("exit", (code) => reject(new Error(`locksim ended with ${code}`)));
        child.stdout.on("data", (d) => {
            text += d;
            const dongle = text.match(/^dongle: (\S+)$/m);
            const control = text.match(/^control: (\S+)$/m);
            if (dongle && control) {
                sim.dongle = dongle[1];
                sim.control = control[1];
                sim.locks = [...text.matchAll(/^lock \d+: .* address (\S+)$/gm)].map((m) => `0x${m[1].replaceAll(":", "")}`);
                resolve();
            }
        });
    });
    sim.stop = () =>
        new Promise((resolve) => {
            child.removeAllListeners("exit");
            child.once("exit", resolve);
            child.kill("SIGTERM");
        });
    sim.call = async (method, what, body) => {
        const r = await fetch(sim.control + what, {method, body: body === undefined ? undefined : JSON.stringify(body)});
        return {status: r.status, body: await r.json()};
    };
    sim.post = async (what, body = {}) => {
        const r = await sim.call("POST", what, body);
        assert.equal(r.status, 200, `${what}: ${JSON.stringify(r.body)}`);
        return r.body;
    };
    sim.get = async (what) => (await sim.call("GET", what)).body;
    return sim;
}

/** The next event of a kind that a predicate accepts. */
function next(emitter, kind, accept = () => true, ms = 20000) {
    const promise = new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
            emitter.off(kind, on);
            reject(new Error(`no ${kind} within ${ms} ms`));
        }, ms);
        const on = (e) => {
            if (!accept(e)) return;
            clearTimeout(timer);
            emitter.off(kind, on);
            resolve(e);
        };
        emitter.on(kind, on);
    });
    promise.catch(() => {}); // whoever awaits it hears of it; a step that failed before must not fail twice
    return promise;
}

const network = {
    panID: 0x1a62,
    extendedPanID: [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88],
    channelList: [15],
    networkKey: [1, 3, 5, 7, 9, 11, 13, 15, 0, 2, 4, 6, 8, 10, 12, 14],
    networkKeyDistribute: false,
};

function controller(sim, name) {
    return new Controller({
        network,
        transport: {path: sim.dongle, baudRate: 115200, rtscts: false, adapter: "zstack"},
        databasePath: path.join(dir, `${name}.db`),
        databaseBackupPath: path.join(dir, `${name}.db.backup`),
        backupPath: path.join(dir, `${name}-coordinator.json`),
        adapter: {disableLED: false},
        acceptJoiningDeviceHandler: async () => true,
    });
}

const onMessage = (c, type, id) => next(c, "message", (m) => m.type === type && m.device.ieeeAddr === id);

for (const kind of ["tcp", "pty"]) {
    describe(`zigbee-herdsman over ${kind}`, () => {
        let sim;
        let c;
        let lock;
        let ep;
        let id;

        before(async () => {
            const port = kind === "tcp" ? ["--tcp", "127.0.0.1:0"] : ["--pty", "--link", path.join(dir, "ttyLock")];
            sim = await start([...port, "--control", "127.0.0.1:0", "--locks", "2", "--model", "YRD226 TSDB", "--model", "SMARTCODE_DEADBOLT_10", "--seed", kind === "tcp" ? "7" : "8"]);
            id = sim.locks[0];
        });

        after(async () => {
            await c?.stop().catch(() => {});
            await sim?.stop();
        });

        it("forms a network", async () => {
            c = controller(sim, kind);
            assert.equal(await c.start(), "reset");
            const n = await c.getNetworkParameters();
            assert.equal(n.panID, network.panID);
            assert.equal(n.channel, 15);
            assert.equal(n.extendedPanID, "0x1122334455667788");
            const v = await c.getCoordinatorVersion();
            assert.equal(v.type, "ZStack3x0");
            const d = await sim.get("/dongle");
            assert.equal(d.up, true);
            assert.equal(d.pan, network.panID);
        });

        it("restarts with the same network", async () => {
            await c.stop();
            c = controller(sim, kind);
            assert.equal(await c.start(), "resumed");
            assert.equal((await c.getNetworkParameters()).panID, network.panID);
        });

        it("lets a lock join and interviews it", async () => {
            const interviewed = next(c, "deviceInterview", (e) => e.status !== "started" && e.device.ieeeAddr === id, 40000);
            const joined = next(c, "deviceJoined", (e) => e.device.ieeeAddr === id);
            await c.permitJoin(60);
            await sim.post("/locks/1/join");
            await joined;
            const e = await interviewed;
            assert.equal(e.status, "successful");
            lock = e.device;
            assert.equal(lock.type, "EndDevice");
            assert.equal(lock.modelID, "YRD226 TSDB");
            assert.equal(lock.manufacturerName, "Yale");
            assert.equal(lock.manufacturerID, 0x101d);
            assert.equal(lock.powerSource, "Battery");
            ep = lock.getEndpoint(1);
            assert.deepEqual(ep.inputClusters, [0, 1, 3, 9, 0x20, 0x101]);
            assert.deepEqual(ep.outputClusters, [0x0a, 0x19]);
            await c.permitJoin(0);
            assert.equal((await sim.get("/dongle")).open, false);
        });

        it("binds and configures reporting", async () => {
            const coordinator = c.getDevicesByType("Coordinator")[0].getEndpoint(1);
            for (const cluster of ["closuresDoorLock", "genPowerCfg", "genAlarms"]) await ep.bind(cluster, coordinator);
            assert.deepEqual((await sim.get("/locks/1")).binds, [1, 9, 0x20, 0x101]); // Poll Control is bound by herdsman itself, in the interview
            await ep.configureReporting("closuresDoorLock", [{attribute: "lockState", minimumReportInterval: 0, maximumReportInterval: 3600, reportableChange: 0}]);
            await ep.configureReporting("genPowerCfg", [{attribute: "batteryPercentageRemaining", minimumReportInterval: 0, maximumReportInterval: 43200, reportableChange: 1}]);
            const table = await lock.bindingTable();
            assert.equal(table.length, 4);
            const v = await ep.read("closuresDoorLock", ["lockState", "numOfPinUsersSupported", "minPinLen", "maxPinLen"]);
            assert.deepEqual(v, {lockState: 1, numOfPinUsersSupported: 250, minPinLen: 4, maxPinLen: 8});
        });

        it("unlocks and locks, and hears the lock's own report", async () => {
            for (const [command, state, bolt] of [["unlockDoor", 2, "unlocked"], ["lockDoor", 1, "locked"]]) {
                const report = onMessage(c, "attributeReport", id);
                const r = await ep.command("closuresDoorLock", command, {pincodevalue: Buffer.alloc(0)});
                assert.equal(r.status, 0);
                const m = await report;
                assert.equal(m.cluster, "closuresDoorLock");
                assert.deepEqual(m.data, {lockState: state});
                assert.equal((await sim.get("/locks/1")).bolt, bolt);
            }
            const moves = await sim.get("/locks/1/history");
            assert.deepEqual(moves.map((m) => [m.bolt, m.cause]), [["unlocked", "radio"], ["locked", "radio"]]);
        });

        it("sets, reads and clears a PIN", async () => {
            const set = await ep.command("closuresDoorLock", "setPinCode", {userid: 3, userstatus: 1, usertype: 0, pincodevalue: Buffer.from("1234")});
            assert.equal(set.status, 0);
            assert.deepEqual((await sim.get("/locks/1/codes")).map((s) => [s.slot, s.code]), [[3, "1234"]]);
            const got = await ep.command("closuresDoorLock", "getPinCode", {userid: 3});
            assert.equal(got.userid, 3);
            assert.equal(got.userstatus, 1);
            assert.equal(got.pincodevalue.toString(), "1234");
            const duplicate = await ep.command("closuresDoorLock", "setPinCode", {userid: 4, userstatus: 1, usertype: 0, pincodevalue: Buffer.from("1234")});
            assert.equal(duplicate.status, 3);
        });

        it("hears a keypad unlock as an operation event with its user", async () => {
            const event = onMessage(c, "commandOperationEventNotification", id);
            const report = next(c, "message", (m) => m.type === "attributeReport" && m.data.lockState === 2);
            await sim.post("/locks/1/keypad", {code: "1234"});
            const m = await event;
            assert.equal(m.data.opereventsrc, 0);
            assert.equal(m.data.opereventcode, 2);
            assert.equal(m.data.userid, 3);
            await report;
            assert.equal((await sim.call("POST", "/locks/1/keypad", {code: "9999"})).status, 409);
            const thumb = next(c, "message", (x) => x.type === "commandOperationEventNotification" && x.data.opereventcode === 13);
            await sim.post("/locks/1/turn", {lock: true});
            assert.equal((await thumb).data.opereventsrc, 2);
        });

        it("clears the PIN, and the keypad refuses it from then on", async () => {
            const cleared = await ep.command("closuresDoorLock", "clearPinCode", {userid: 3});
            assert.equal(cleared.status, 0);
            const got = await ep.command("closuresDoorLock", "getPinCode", {userid: 3});
            assert.equal(got.userstatus, 0);
            assert.equal((await sim.call("POST", "/locks/1/keypad", {code: "1234"})).status, 409);
            assert.equal((await sim.get("/locks/1")).bolt, "locked");
        });

        it("sees the factory reset by the button, with its alarm and leave", async () => {
            const alarm = next(c, "message", (m) => m.cluster === "genAlarms" && m.data.alarmcode === 1);
            const left = next(c, "deviceLeave", (e) => e.ieeeAddr === id);
            await sim.post("/locks/1/reset");
            await alarm;
            await left;
            assert.equal((await sim.get("/locks/1")).needs_master, true);
        });

        it("keeps locks over a restart and makes them leave", async () => {
            const second = sim.locks[1];
            const interviewed = next(c, "deviceInterview", (e) => e.status !== "started" && e.device.ieeeAddr === second, 40000);
            await c.permitJoin(60);
            await sim.post("/locks/2/join");
            assert.equal((await interviewed).status, "successful");
            await c.stop();
            c = controller(sim, kind);
            assert.equal(await c.start(), "resumed");
            const d = c.getDeviceByIeeeAddr(second);
            assert.equal(d.modelID, "SMARTCODE_DEADBOLT_10");
            assert.deepEqual(await d.getEndpoint(2).read("closuresDoorLock", ["lockState"]), {lockState: 1});
            await d.removeFromNetwork(); // resolves on the lock's own leave response
            assert.equal(c.getDeviceByIeeeAddr(second), undefined);
            for (let i = 0; (await sim.get("/locks/2")).joined; i++) {
                assert.ok(i < 100, "the lock did not leave");
                await new Promise((resolve) => setTimeout(resolve, 50));
            }
        });
    });
}
