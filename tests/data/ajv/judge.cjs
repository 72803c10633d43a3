// Reads {"schema": ..., "values": [...]} from standard input; writes one verdict for each value, true for accepted.
const Ajv = require("ajv/dist/2020").default;

const asked = JSON.parse(require("fs").readFileSync(0, "utf8"));
const ajv = new Ajv({ strict: true, strictRequired: false, strictTypes: false, logger: false });
const judge = ajv.compile(asked.schema);
process.stdout.write(JSON.stringify(asked.values.map((value) => judge(value))));
