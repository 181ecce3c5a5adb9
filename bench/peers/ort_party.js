// ort_party.js FOLDER THREADS: ONNX Runtime's side, with the commands of ours/main.c. Inference only.
// NODE_PATH leads to onnxruntime-node.
'use strict';
const fs = require('fs');
const path = require('path');
const readline = require('readline');
const ort = require('onnxruntime-node');

const kinds = { F32: ['float32', Float32Array], I64: ['int64', BigInt64Array], I32: ['int32', Int32Array] };

function readTensors(file) {
  const data = fs.readFileSync(file);
  const size = Number(data.readBigUInt64LE(0));
  const header = JSON.parse(data.toString('utf8', 8, 8 + size));
  const feeds = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const [type, Values] = kinds[entry.dtype];
    const [begin, end] = entry.data_offsets.map((offset) => 8 + size + offset);
    const bytes = Uint8Array.prototype.slice.call(data, begin, end); // a copy, hence aligned
    feeds[name] = new ort.Tensor(type, new Values(bytes.buffer), entry.shape);
  }
  return feeds;
}

function writeTensors(file, results) {
  const header = {};
  const parts = [];
  let at = 0;
  for (const [name, tensor] of Object.entries(results)) {
    const bytes = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
    header[name] = { dtype: 'F32', shape: tensor.dims.map(Number), data_offsets: [at, at + bytes.length] };
    parts.push(bytes);
    at += bytes.length;
  }
  let text = JSON.stringify(header);
  text += ' '.repeat((64 - ((8 + text.length) % 64)) % 64);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  fs.writeFileSync(file, Buffer.concat([length, Buffer.from(text), ...parts]));
}

async function main() {
  const [folder, threads] = process.argv.slice(2);
  const begin = process.hrtime.bigint();
  const secondsSince = (then) => Number(process.hrtime.bigint() - then) * 1e-9;
  const session = await ort.InferenceSession.create(path.join(folder, 'model.onnx'), {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
  });
  const all = readTensors(path.join(folder, 'inputs_nchw.safetensors'));
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]]));
  const version = require('onnxruntime-node/package.json').version;
  const facts = { load_seconds: Number(secondsSince(begin).toFixed(3)), with: 'onnxruntime-node ' + version };
  console.log('ready ' + JSON.stringify(facts));
  let results = null;
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [command, rest] = line.trim().split(/ (.*)/s);
    if (command === 'quit') {
      break;
    } else if (command === 'run') {
      const then = process.hrtime.bigint();
      for (let i = 0; i < Number(rest); i++) results = await session.run(feeds);
      console.log('seconds ' + (secondsSince(then) / Number(rest)).toFixed(9));
    } else if (command === 'outputs') {
      writeTensors(rest, results);
      console.log('written');
    } else {
      throw new Error(line + ' is no command');
    }
  }
}

main().catch((error) => {
  console.error('ort_party: ' + error.message);
  process.exit(1);
});
