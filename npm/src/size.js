/**
 * The size of a payload in bytes, as the outbox counts it.
 *
 * A string counts as UTF-8. `TextEncoder` is missing on phones, so its characters are counted here.
 * @param {*} data a string, an ArrayBuffer, a view of one, or a Blob
 * @returns {number} 0 for a value whose size is not known
 */
export function sizeOf(data) {
  if (typeof data === 'string') return utf8Size(data);
  if (data === null || typeof data !== 'object') return 0;
  if (data.byteLength >= 0) return data.byteLength;
  return data.size >= 0 ? data.size : 0;
}

function utf8Size(text) {
  let size = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    // Each half of a surrogate pair counts two of its four bytes.
    size += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2;
  }
  return size;
}
