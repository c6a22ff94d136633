// The layers that run in Node: each makes a platform for the drop-in, over the fake of a phone.
import { webSocketClass } from '../fakes/browser.js';
import { alipay, wechat } from '../fakes/platforms.js';
import { loadLayer } from './bundle.js';

const INFO = {
  platform: 'ios', brand: 'phone', model: 'phone', system: 'iOS 18.0', language: 'en', version: '8.0.0', SDKVersion: '3.0.0',
  pixelRatio: 2, windowWidth: 390, windowHeight: 844, screenWidth: 390, screenHeight: 844, statusBarHeight: 47,
  safeArea: { left: 0, right: 390, top: 47, bottom: 810, width: 390, height: 763 },
};
const info = () => INFO;

/** What the layers use of a phone besides sockets. */
const PHONE = {
  getSystemInfoSync: info, getAppBaseInfo: info, getWindowInfo: info, getDeviceInfo: info, getSystemSetting: info,
  getAppAuthorizeSetting: info, getStorageSync: () => ({}), setStorageSync() {}, getLaunchOptionsSync: () => ({}), env: {},
  canIUse: () => false,
};
const PROGRAM = { getApp: () => ({}), getCurrentPages: () => [], App() {}, Page() {}, Component() {}, __wxConfig: {} };

const oldAlipay = network => alipay(network, { multiple: false });

/** A layer over a fake of a phone, which a test can change before the layer sees it. */
async function onPhone(layer, global, fake) {
  const load = await loadLayer(layer);
  const make = (network, change = platform => platform) => {
    const platform = change({ ...PHONE, ...fake(network).platform });
    return load({ ...PROGRAM, [global]: platform });
  };
  return { make, phone: true };
}

/** A layer over the WebSocket of a page. */
async function onPage(layer) {
  const load = await loadLayer(layer);
  return { make: network => load({ WebSocket: network.WebSocket || webSocketClass(network) }), phone: false };
}

/**
 * `make(network)` returns the platform. `closeCode` is the code that is reported when the server has
 * closed with 4001, and `sentCode` the code that the server gets from `close` with 4002. Alipay reports
 * no code.
 */
export const LAYERS = [
  { name: 'Taro H5', ...await onPage('taro-h5'), closeCode: 1006, sentCode: 1005 },
  { name: 'Taro in WeChat', ...await onPhone('taro-weapp', 'wx', wechat), closeCode: 4001, sentCode: 4002 },
  { name: 'Taro in Alipay', ...await onPhone('taro-alipay', 'my', alipay), sentCode: 4002 },
  { name: 'Taro in an old Alipay', ...await onPhone('taro-alipay', 'my', oldAlipay), sentCode: 4002 },
  { name: 'uni-app in WeChat', ...await onPhone('uni-weixin', 'wx', wechat), closeCode: 4001, sentCode: 4002 },
  { name: 'uni-app in Alipay', ...await onPhone('uni-alipay', 'my', alipay), sentCode: 4002 },
  { name: 'uni-app in an old Alipay', ...await onPhone('uni-alipay', 'my', oldAlipay), sentCode: 4002 },
];
