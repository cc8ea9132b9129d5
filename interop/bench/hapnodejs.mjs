// A lock on HAP-NodeJS, the peer of the benchmarks. usage: node hapnodejs.mjs PORT CODE
// It prints "ready" once it answers. Each write to LockTargetState is followed by LockCurrentState, as in the Go peers.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import hap from 'hap-nodejs';

const { Accessory, Categories, Characteristic, HAPStorage, Service, uuid } = hap;
const [port, code] = process.argv.slice(2);
HAPStorage.setCustomStoragePath(mkdtempSync(join(tmpdir(), 'hapnodejs-')));

const lock = new Accessory('Bench Lock', uuid.generate('latchkey.bench.lock'));
const mechanism = lock.addService(Service.LockMechanism, 'Bench Lock');
mechanism.getCharacteristic(Characteristic.LockCurrentState).updateValue(Characteristic.LockCurrentState.SECURED);
mechanism.getCharacteristic(Characteristic.LockTargetState)
  .updateValue(Characteristic.LockTargetState.SECURED)
  .onSet((v) => { mechanism.updateCharacteristic(Characteristic.LockCurrentState, v); });
lock.on('listening', () => console.log('ready'));
await lock.publish({
  username: '0A:0B:0C:0D:0E:0F',
  pincode: code,
  port: Number(port),
  category: Categories.DOOR_LOCK,
  bind: '127.0.0.1',
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
