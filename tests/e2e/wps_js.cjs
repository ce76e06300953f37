// Drives wps-js-52-north, a browser library, in jsdom: node wps_js.cjs MODULES ENDPOINT VERSION PROCESS-PREFIX
// Prints one JSON object with what the library has understood.
const [modules, endpoint, version, process_] = process.argv.slice(2)
const fs = require('fs')
const path = require('path')
const { JSDOM } = require(path.join(modules, 'jsdom'))

const read = (...parts) => fs.readFileSync(path.join(modules, ...parts), 'utf8')
const dom = new JSDOM('<!doctype html><body></body>', { url: endpoint, runScripts: 'outside-only' })
dom.window.eval(read('jquery', 'dist', 'jquery.js'))
dom.window.eval(read('wps-js-52-north', 'src', 'web', 'lib', 'wps-js-all.js'))

const { WpsService, InputGenerator, OutputGenerator } = dom.window
const service = new WpsService({ url: endpoint, version })
const inputs = new InputGenerator()
const outputs = new OutputGenerator()
const two = version === '2.0.0'

function call (name, ...rest) {
  return new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`${name}: no answer`)), 30000)
    service[name](resolve, ...rest)
  })
}

// the library does not escape what it is given
const given = () => [
  inputs.createLiteralDataInput_wps_1_0_and_2_0('literalInput', undefined, undefined, 'a &lt; b'),
  inputs.createComplexDataInput_wps_1_0_and_2_0('complexInput', 'text/xml', undefined, undefined, false, '<t>ü</t>'),
  inputs.createBboxDataInput_wps_1_0_and_2_0('boundingboxInput', 'EPSG:4326', 2, '1 2', '3 4')
]
const literal = () => two ? outputs.createLiteralOutput_WPS_2_0('literalOutput', 'value') : outputs.createLiteralOutput_WPS_1_0('literalOutput', false)
const complex = reference => two
  ? outputs.createComplexOutput_WPS_2_0('complexOutput', 'text/xml', undefined, undefined, reference ? 'reference' : 'value')
  : outputs.createComplexOutput_WPS_1_0('complexOutput', 'text/xml', undefined, undefined, undefined, reference)
const box = () => two ? outputs.createLiteralOutput_WPS_2_0('boundingboxOutput', 'value') : outputs.createLiteralOutput_WPS_1_0('boundingboxOutput', false)

async function followed (started) {
  const pause = () => new Promise(resolve => setTimeout(resolve, 100))
  if (!two) {
    const address = started.executeResponse.responseDocument.statusLocation
    for (;;) {
      const now = await call('parseStoredExecuteResponse_WPS_1_0', address)
      const status = JSON.stringify(now.executeResponse.responseDocument.status)
      if (/Succeeded|Failed/.test(status)) return { status, result: now }
      await pause()
    }
  }
  const job = started.executeResponse.responseDocument.jobId
  for (;;) {
    const now = await call('getStatus_WPS_2_0', job)
    const status = now.executeResponse.responseDocument.status
    if (/Succeeded|Failed/.test(status)) return { status, result: await call('getResult_WPS_2_0', job) }
    await pause()
  }
}

async function main () {
  const capabilities = await call('getCapabilities_GET')
  const posted = await call('getCapabilities_POST')
  const description = await call('describeProcess_GET', process_)
  const describedByPost = await call('describeProcess_POST', process_)
  const sync = await call('execute', process_, 'document', 'sync', false, given(), [literal(), complex(false), box()])
  const reference = await call('execute', process_, 'document', 'sync', false, given(), [complex(true)])
  const raw = await call('execute', process_, 'raw', 'sync', false, given(), [complex(false)])
  const started = await call('execute', process_, 'document', 'async', false, given(), [literal()])
  const refused = await call('execute', 'no-such-process', 'document', 'sync', false, [], [literal()])
  console.log(JSON.stringify({
    capabilities, posted, description, describedByPost, sync, reference, raw, started, refused, followed: await followed(started)
  }))
  process.exit(0)
}

main().catch(error => { console.error(error); process.exit(1) })
