// zbarimg, which is not ours, reads the QR codes that terminal and page show.
"use strict";

const assert = require("node:assert/strict");
const {execFileSync} = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const {after, before, describe, it} = require("node:test");
const rig = require("./rig");

const scale = 6;

/** Reads a picture of light and dark modules. */
function read(rows) {
    const side = Math.max(...rows.map((r) => r.length));
    const out = [];
    for (const row of rows)
        for (let i = 0; i < scale; i++)
            for (let x = 0; x < side; x++) for (let j = 0; j < scale; j++) out.push(row[x] ? 0 : 255);
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), "qr-"));
    try {
        const file = path.join(dir, "qr.pgm");
        fs.writeFileSync(file, Buffer.concat([Buffer.from(`P5 ${side * scale} ${rows.length * scale} 255\n`), Buffer.from(out)]));
        return execFileSync("zbarimg", ["--quiet", "--raw", file]).toString().trim();
    } finally {
        fs.rmSync(dir, {recursive: true, force: true});
    }
}

describe("QR codes", () => {
    let peer, qr;
    before(async () => {
        peer = await rig.start("--locks", "1", "--port", "22100");
        qr = await peer.do({do: "qr"});
    });
    after(() => peer?.stop());

    it("the terminal's half blocks can be read", () => {
        const rows = qr.text.trimEnd().split("\n").flatMap((line) => {
            const cells = [...line];
            return [cells.map((c) => c !== "█" && c !== "▀"), cells.map((c) => c !== "█" && c !== "▄")];
        });
        assert.equal(read(rows), qr.uri);
    });

    it("the page's SVG can be read", () => {
        const side = Number(qr.svg.match(/viewBox="0 0 (\d+) \d+"/)[1]);
        const rows = Array.from({length: side}, () => Array(side).fill(false));
        for (const [, x, y, n] of qr.svg.matchAll(/M(\d+) (\d+)h(\d+)v1h-\d+z/g))
            for (let i = 0; i < Number(n); i++) rows[Number(y)][Number(x) + i] = true;
        assert.equal(read(rows), qr.uri);
    });
});
