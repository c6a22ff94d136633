import Taro from '@tarojs/api';
import { initNativeApi } from '@tarojs/plugin-platform-alipay/dist/runtime-utils.js';

initNativeApi(Taro);
export default Taro;
