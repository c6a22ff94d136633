export { default } from '@dcloudio/uni-mp-weixin/dist/uni.api.esm.js';
