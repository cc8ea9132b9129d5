// zigbee-herdsman takes over the dongle and the network of the daemon, and reads from the lock what Latchkey wrote.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const {after, before, describe, it} = require("node:test");
const {Controller, setLogger} = require("zigbee-herdsman");
const {build, until, pause} = require("../../house");

const quiet = () => {};
setLogger({debug: quiet, info: quiet, warning: quiet, error: (m, ns) => console.error(ns, m)});

const NIB = 0x0021, ACTIVE_KEY = 0x003a; // items of the dongle's memory, as the emulator's state file holds them

describe("zigbee-herdsman on a network that Latchkey formed", () => {
    let house, c;
    const wanted = new Map(); // slot → digits

    before(async () => {
        house = await build({models: ["YRD226 TSDB"], address: "127.0.0.33"});
    });
    after(async () => {
        await c?.stop().catch(() => {});
        await house?.close();
    });

    it("Latchkey writes codes, changes one, and takes one back", async () => {
        const lock = house.ids[0];
        const set = async (name, digits) => {
            await house.run(["users", "add", name, "--lock", lock], digits + "\n");
        };
        await set("Anna", "135791");
        await set("Ben", "24680");
        await set("Carla", "11223344");
        await house.run(["codes", "set", lock, "Ben", "--wait", "60s"], "97531\n");
        await house.run(["codes", "rm", lock, "Carla"]);
        const digits = {Anna: "135791", Ben: "97531"};
        const codes = await until("the lock is in step", async () => {
            const list = await house.cli(["codes", "list", lock]);
            return list.length === 2 && list.every((x) => x.state === "in sync") && list;
        }, 60000);
        for (const x of codes) wanted.set(x.slot, digits[x.name]);
        assert.equal(wanted.size, 2);
    });

    it("zigbee-herdsman resumes the network after the daemon let go of the dongle", async () => {
        await house.stop();
        await pause(1500); // the emulator writes its state every second
        const {dongle_items: items, locks} = JSON.parse(fs.readFileSync(house.state));
        const item = (id) => Buffer.from(items.find((x) => x.id === id && !x.extended && !x.sys).value, "base64");
        const nib = item(NIB), key = item(ACTIVE_KEY);
        const ieee = `0x${locks[0].address.replaceAll(":", "")}`;
        const {network_address: nwk} = await house.see("/locks/1");
        const epid = nib.subarray(57, 65);
        // What herdsman would have learnt in an interview of its own.
        const entry = {
            id: 2, type: "EndDevice", ieeeAddr: ieee, nwkAddr: Number.parseInt(nwk, 16), manufId: 0x101d, manufName: "Yale", powerSource: "Battery",
            modelId: "YRD226 TSDB", epList: [1], interviewCompleted: true, interviewState: "SUCCESSFUL", meta: {},
            endpoints: {1: {profId: 260, epId: 1, devId: 10, inClusterList: [0, 1, 3, 9, 0x20, 0x101], outClusterList: [0x0a, 0x19], clusters: {}, binds: [], configuredReportings: [], meta: {}}},
        };
        const db = path.join(house.dir, "herdsman.db");
        fs.writeFileSync(db, JSON.stringify(entry) + "\n");
        c = new Controller({
            network: {
                panID: nib.readUInt16LE(36), extendedPanID: [...epid], channelList: [nib[24]], networkKey: [...key.subarray(1, 17)], networkKeyDistribute: false,
            },
            transport: {path: house.dongle, baudRate: 115200, rtscts: false, adapter: "zstack"},
            databasePath: db, databaseBackupPath: db + ".backup", backupPath: path.join(house.dir, "coordinator.json"),
            adapter: {disableLED: false},
            acceptJoiningDeviceHandler: async () => true,
        });
        assert.equal(await c.start(), "resumed");
    });

    it("reads from the lock the same slots that Latchkey wrote, and no others", async () => {
        const [lock] = c.getDevicesByType("EndDevice");
        const ep = lock.getEndpoint(1);
        const read = new Map();
        for (let slot = 0; slot <= Math.max(...wanted.keys()) + 2; slot++) {
            if (slot === 0) continue; // the master code's
            const got = await ep.command("closuresDoorLock", "getPinCode", {userid: slot}, {timeout: 20000});
            assert.equal(got.userid, slot);
            if (got.userstatus !== 0) read.set(slot, got.pincodevalue.toString());
        }
        assert.deepEqual(read, wanted);
        assert.deepEqual(await ep.read("closuresDoorLock", ["lockState"]), {lockState: 1});
    });
});
