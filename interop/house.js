// A house for other people's software: the built `latchkey run` on the emulated dongle of the built `locksim`, joined and asked by the command line, and a hand
// at the door.
"use strict";

const assert = require("node:assert/strict");
const {spawn, execFileSync} = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const root = path.resolve(__dirname, "..");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Asks until it is so; the last answer is given. */
async function until(what, ask, ms = 30000) {
    const end = Date.now() + ms;
    for (;;) {
        const v = await ask();
        if (v) return v;
        if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
        await pause(50);
    }
}

/** The programs, built once for each test file. */
let built;
function programs() {
    if (!built) {
        built = fs.mkdtempSync(path.join(os.tmpdir(), "latchkey-interop-"));
        process.on("exit", () => fs.rmSync(built, {recursive: true, force: true}));
        execFileSync("go", ["build", "-o", built + "/", "./cmd/latchkey", "./cmd/locksim"], {cwd: root, stdio: "inherit"});
    }
    return built;
}

function ended(child) {
    return new Promise((resolve) => (child.exitCode === null && child.signalCode === null ? child.once("exit", resolve) : resolve()));
}

/**
 * Starts locksim with models, and the daemon on it. homekit are keys of the configuration's section; address is the loopback address of its own on which this
 * house's accessories listen, so that houses do not meet.
 */
async function build({models, homekit = {}, address}) {
    const bin = programs();
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "latchkey-house-"));
    const state = path.join(dir, "air.json");
    const config = path.join(dir, "latchkey.yaml");
    const house = {dir, state};

    const sim = spawn(path.join(bin, "locksim"), ["--tcp", "127.0.0.1:0", "--control", "127.0.0.1:0", "--state", state, ...models.flatMap((m) => ["--model", m])],
        {stdio: ["ignore", "pipe", "inherit"]});
    const text = await new Promise((resolve, reject) => {
        let t = "";
        sim.once("exit", (code) => reject(new Error(`locksim ended with ${code}`)));
        sim.stdout.on("data", (d) => /^dongle: /m.test((t += d)) && resolve(t));
    });
    sim.removeAllListeners("exit");
    house.dongle = text.match(/^dongle: (\S+)$/m)[1];
    const control = text.match(/^control: (\S+)$/m)[1];

    /** What a person does at the door, and what is seen there. */
    house.at = async (what, body) => {
        const r = await fetch(control + what, body === undefined ? {} : {method: "POST", body: JSON.stringify(body)});
        return {status: r.status, body: await r.json()};
    };
    house.see = async (what) => {
        const r = await house.at(what);
        assert.equal(r.status, 200, `${what}: ${JSON.stringify(r.body)}`);
        return r.body;
    };
    house.hand = async (what, body = {}) => {
        const r = await house.at(what, body);
        assert.equal(r.status, 200, `${what}: ${JSON.stringify(r.body)}`);
        return r.body;
    };

    /** The command line; input is what is typed. Gives its JSON, or its text. */
    house.run = (args, input = "") => new Promise((resolve, reject) => {
        const child = spawn(path.join(bin, "latchkey"), ["--config", config, ...args], {stdio: ["pipe", "pipe", "pipe"]});
        let out = "", err = "";
        child.stdout.on("data", (d) => (out += d));
        child.stderr.on("data", (d) => (err += d));
        child.stdin.on("error", () => {});
        child.stdin.end(input);
        child.once("exit", (code) => (code === 0 ? resolve(out) : reject(new Error(`latchkey ${args.join(" ")}: exit ${code}: ${err}${out}`))));
    });
    house.cli = async (args, input) => {
        const out = await house.run([...args, "--json"], input);
        return out.trim() ? JSON.parse(out) : null;
    };

    let daemon;
    house.start = async (more = {}) => {
        const section = {address, interfaces: ["lo"], ...homekit, ...more};
        fs.writeFileSync(config, JSON.stringify({
            radio: {port: house.dongle}, state: path.join(dir, "state"), http: {listen: ""}, log: {level: process.env.LATCHKEY_DEBUG ? "debug" : "warn"}, homekit: section,
        }));
        daemon = spawn(path.join(bin, "latchkey"), ["run", "--config", config], {stdio: ["ignore", "inherit", "inherit"]});
        await until("the daemon serves", async () => {
            assert.equal(daemon.exitCode, null, "the daemon ended");
            return house.cli(["status"]).then((s) => s.dongle.up, () => false);
        });
    };
    house.stop = async () => {
        if (!daemon) return;
        daemon.kill("SIGTERM");
        await ended(daemon);
        assert.equal(daemon.exitCode, 0, "the daemon ends in peace");
        daemon = undefined;
    };
    house.close = async () => {
        daemon?.kill("SIGTERM");
        if (daemon) await ended(daemon);
        sim.kill("SIGTERM");
        await ended(sim);
        fs.rmSync(dir, {recursive: true, force: true});
    };

    /** Accessories as `latchkey homekit show` lists them, in the order of the locks at the doors. */
    house.accessories = async () => {
        const list = await house.cli(["homekit", "show", "--codes"]);
        if (list.some((a) => a.lock_id)) list.sort((a, b) => house.ids.indexOf(a.lock_id) - house.ids.indexOf(b.lock_id));
        return list;
    };
    try {
        await house.start();
        const join = house.run(["join", "--for", "120s", "--count", String(models.length)]);
        join.catch(() => {});
        await until("the network is open", async () => (await house.see("/dongle")).open);
        for (let i = 1; i <= models.length; i++) await house.hand(`/locks/${i}/join`);
        await join;
        house.ids = (await house.see("/locks")).map((l) => l.address);
        await until("the bolts are known", async () => (await house.cli(["locks"])).every((l) => l.bolt === "locked"));
        await until("the accessories are published", async () => (await house.accessories()).filter((a) => a.port).length === models.length);
    } catch (err) {
        await house.close();
        throw err;
    }
    return house;
}

module.exports = {build, until, pause};
