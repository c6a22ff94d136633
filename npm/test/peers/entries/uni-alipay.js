export { default } from '@dcloudio/uni-mp-alipay/dist/uni.api.esm.js';
