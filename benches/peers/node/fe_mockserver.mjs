// A server around the middleware of SAP's mock server: `node fe_mockserver.mjs FOLDER PATH` serves FOLDER/metadata.xml with the entities in
// FOLDER/data under PATH, prints an address and runs until it is killed.
import { createServer } from "node:http";
import { join } from "node:path";

import mockserver from "@sap-ux/fe-mockserver-core";

const [folder, path] = process.argv.slice(2);
const Mockserver = mockserver.default;
const mock = new Mockserver({
  services: [{ urlPath: path, metadataPath: join(folder, "metadata.xml"), mockdataPath: join(folder, "data"), generateMockData: false, watch: false, noETag: true }],
});
await mock.isReady;
const router = mock.getRouter();
const server = createServer((request, response) => router(request, response, () => response.writeHead(404).end()));
server.listen(0, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}`));
