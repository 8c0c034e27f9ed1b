// A session of @polkadot/api with a node: it reads a subnet, follows the heads, sends
// weights and a commitment, and prints what it has seen as one JSON object. Bytes are
// base64, as Go has them.
//
// usage: node session.mjs FOLDER ENDPOINT NETUID URI, with FOLDER/node_modules
import { createRequire } from 'node:module'
import path from 'node:path'

const [folder, endpoint, netuid, uri] = process.argv.slice(2)
const require = createRequire(path.join(folder, 'package.json'))
const { ApiPromise, Keyring, WsProvider } = require('@polkadot/api')

const HOTKEYS = 52 // the column's number in a selective metagraph
const base64 = (bytes) => Buffer.from(bytes.toU8a(true)).toString('base64')

/** What a block's state holds of the subnet, and what its runtime says of it. */
async function read(api, hash) {
  const { call, query: { commitments, subtensorModule: subnet, system } } = await api.at(hash)
  const one = async (entry) => (await entry(netuid)).toJSON()
  const rows = async (entry, value) =>
    Object.fromEntries((await entry.entries(netuid)).map(([key, found]) => [key.args[1].toString(), value(found)]))
  return {
    hash: hash.toHex(),
    number: (await system.number()).toNumber(),
    hotkeys: await rows(subnet.keys, (hotkey) => hotkey.toString()),
    uids: await rows(subnet.uids, (uid) => uid.unwrap().toNumber()),
    weights: await rows(subnet.weights, (row) => Object.fromEntries(row.toJSON())),
    stakes: (await call.neuronInfoRuntimeApi.getNeuronsLite(netuid))
      .map(({ stake }) => stake.reduce((sum, [, amount]) => sum + amount.toNumber(), 0)),
    selected: (await call.subnetInfoRuntimeApi.getSelectiveMetagraph(netuid, [HOTKEYS])).unwrap().hotkeys.unwrap().toJSON(),
    permits: await one(subnet.validatorPermit),
    lastUpdate: await one(subnet.lastUpdate),
    rules: {
      tempo: await one(subnet.tempo),
      rateLimit: await one(subnet.weightsSetRateLimit),
      minAllowed: await one(subnet.minAllowedWeights),
      versionKey: await one(subnet.weightsVersionKey),
      revealPeriod: await one(subnet.revealPeriodEpochs),
      mechanisms: await one(subnet.mechanismCountCurrent),
      commitReveal: await one(subnet.commitRevealWeightsEnabled),
    },
    revealed: await rows(commitments.revealedCommitments, (list) =>
      list.unwrap().map(([text, block]) => ({ block: block.toNumber(), text: base64(text) }))),
    committed: await rows(commitments.commitmentOf, (found) => {
      const { block, info } = found.unwrap()
      return { block: block.toNumber(), text: base64(info.fields[0].inner) }
    }),
  }
}

/** Signs and sends a call; resolves, once it is final, to where it is and what it caused. */
function send(api, call, signer) {
  return new Promise((resolve, reject) => {
    call.signAndSend(signer, ({ status, events, dispatchError, txHash }) => {
      if (status.isDropped || status.isInvalid || status.isUsurped) reject(new Error(`${call.method.method}: ${status.type}`))
      if (!status.isFinalized) return
      resolve({
        hash: txHash.toHex(),
        block: status.asFinalized.toHex(),
        failure: dispatchError?.isModule ? api.registry.findMetaError(dispatchError.asModule).name : '',
        events: events.map(({ event }) => `${event.section}.${event.method}`),
      })
    }).catch(reject)
  })
}

const api = await ApiPromise.create({ provider: new WsProvider(endpoint), noInitWarn: true, throwOnConnect: true })
const signer = new Keyring({ type: 'sr25519' }).addFromUri(uri)
const heads = []
await api.rpc.chain.subscribeNewHeads((head) => { heads.push({ number: head.number.toNumber(), hash: head.hash.toHex() }) })

const before = await read(api, await api.rpc.chain.getFinalizedHead())
const weights = api.tx.subtensorModule.setWeights(netuid, [1, 2], [65535, 32768], before.rules.versionKey)
const sent = {
  weights: await send(api, weights, signer),
  again: await send(api, weights, signer),
  commitment: await send(api, api.tx.commitments.setCommitment(netuid, { fields: [{ Raw5: '0x68656c6c6f' }] }), signer),
}
const after = await read(api, await api.rpc.chain.getFinalizedHead())
// Subscriptions come in their own time.
while (!heads.some(({ number }) => number === after.number)) await new Promise((resolve) => setTimeout(resolve, 10))
const chain = {
  name: await api.rpc.system.chain(),
  genesis: api.genesisHash,
  specName: api.runtimeVersion.specName,
  metadata: api.runtimeMetadata.version,
  prefix: api.consts.system.ss58Prefix.toNumber(),
  blockTime: api.consts.aura.slotDuration.toNumber(),
  extensions: api.registry.signedExtensions,
}
await api.disconnect()
// Timers of the client would keep the process for seconds.
process.stdout.write(JSON.stringify({ chain, before, after, sent, heads }), () => process.exit(0))
