// llama.cpp's side of chat.py, by npm's node-llama-cpp: node peer_llama.mjs FOLDER MODEL.gguf TOKENS TURNS THREADS PROMPT
// FOLDER is where node-llama-cpp was installed. One line of JSON per turn: tokens, and seconds from the prompt to the last token.
import {createRequire} from "node:module";
import path from "node:path";
import {pathToFileURL} from "node:url";

const [folder, file, tokens, turns, threads, prompt] = process.argv.slice(2);
const found = createRequire(path.join(path.resolve(folder), "package.json")).resolve("node-llama-cpp");
const {getLlama} = await import(pathToFileURL(found).href);
const llama = await getLlama({gpu: false, build: "never", maxThreads: Number(threads), logLevel: "error"});
const model = await llama.loadModel({modelPath: file});
const context = await model.createContext({contextSize: 1024, threads: Number(threads)});
const sequence = context.getSequence();
const ids = model.tokenize(prompt, true);
for (let turn = 0; turn <= Number(turns); turn++) { // the first one warms up
  await sequence.clearHistory();
  const begun = performance.now();
  let count = 0;
  for await (const token of sequence.evaluate(ids, {temperature: 0, yieldEogToken: true})) if (++count >= Number(tokens)) break;
  const seconds = (performance.now() - begun) / 1000;
  if (turn > 0) console.log(JSON.stringify({tokens: count, seconds}));
}
process.exit(0);
