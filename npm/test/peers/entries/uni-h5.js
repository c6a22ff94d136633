export { connectSocket } from '@dcloudio/uni-h5/dist/uni-h5.es.js';
