// Types of the document as openapi-typescript makes them, with bytes as a browser has them. Usage: generate.mjs DOCUMENT TYPES
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const [, , document, types] = process.argv;
const blob = ts.factory.createTypeReferenceNode("Blob");
const nodes = await openapiTS(JSON.parse(readFileSync(document, "utf8")), {
  transform: (schema) => (schema.format === "binary" ? blob : undefined),
});
writeFileSync(types, astToString(nodes));
