import Taro from '@tarojs/api';
import { initNativeApi } from '@tarojs/plugin-platform-weapp/dist/runtime-utils.js';

initNativeApi(Taro);
export default Taro;
