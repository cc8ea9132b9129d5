// QR codes as pictures of modules, and what zbarimg reads in them.
"use strict";

const {execFileSync} = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");

const scale = 6;

/** Reads rows of modules; true is dark. */
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

/** A terminal's half blocks; lines of words are no part of it. */
const readText = (text) => read(text.split("\n").filter((line) => /^[█▀▄ ]{20,}$/.test(line)).flatMap((line) => {
    const cells = [...line];
    return [cells.map((c) => c !== "█" && c !== "▀"), cells.map((c) => c !== "█" && c !== "▄")];
}));

/** An SVG whose path draws runs of dark modules. */
function readSVG(svg) {
    const runs = [...svg.matchAll(/M(\d+) (\d+)h(\d+)v(\d+)h-\d+z/g)].map(([, x, y, n, unit]) => [x / unit, y / unit, n / unit]);
    const side = Math.max(...runs.map(([x, , n]) => x + n)) + 4; // with the light border
    const rows = Array.from({length: side}, () => Array(side).fill(false));
    for (const [x, y, n] of runs) rows[y].fill(true, x, x + n);
    return read(rows);
}

module.exports = {readText, readSVG};
