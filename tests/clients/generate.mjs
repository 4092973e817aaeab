// Generates TypeScript types of the document; binary strings become Blob, as in browsers. Usage: generate.mjs DOCUMENT TYPES
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";
import ts from "typescript";

const [, , document, types] = process.argv;
const blob = ts.factory.createTypeReferenceNode("Blob");
const nodes = await openapiTS(JSON.parse(readFileSync(document, "utf8")), {
  transform: (schema) => (schema.format === "binary" ? blob : undefined),
});
writeFileSync(types, astToString(nodes));
