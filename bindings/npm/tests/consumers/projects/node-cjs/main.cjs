const library = require("refund-ledger");
const { scenario } = require("./scenario.mjs");

scenario(library).then(console.log);
