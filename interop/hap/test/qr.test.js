// zbarimg, which is not ours, reads the setup code in the documentation's picture of a terminal.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const {it} = require("node:test");
const qr = require("../qr");

it("the documentation's setup code can be read", () => {
    const svg = fs.readFileSync(path.resolve(__dirname, "../../../docs/img/qr.svg"), "utf8");
    assert.match(qr.readSVG(svg), /^X-HM:\/\/[0-9A-Z]{13}$/);
});
