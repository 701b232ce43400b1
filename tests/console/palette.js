// Makes an indexed PNG of another one, both in base64: its most frequent 256 colours, and the nearest one of them
// for each other colour. Pages have few colours, so nobody sees a difference, and the file is small. The end of a long
// page is left out.
async (picture) => {
  const decoded = Uint8Array.from(atob(picture), (letter) => letter.charCodeAt(0));
  const bitmap = await createImageBitmap(new Blob([decoded]));
  const MAX_HEIGHT = 1600;
  const [width, height] = [bitmap.width, Math.min(bitmap.height, MAX_HEIGHT)];
  const canvas = new OffscreenCanvas(width, height).getContext("2d");
  canvas.drawImage(bitmap, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);

  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const colours = [...counts.keys()].sort((one, other) => counts.get(other) - counts.get(one));
  const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
  const palette = colours.slice(0, 256).map(parts);
  const distance = (one, other) => one.reduce((sum, part, place) => sum + (part - other[place]) ** 2, 0);
  const nearest = (colour) => {
    const distances = palette.map((known) => distance(known, colour));
    return distances.indexOf(Math.min(...distances));
  };
  const places = new Map(colours.map((colour, place) => [colour, place < 256 ? place : nearest(parts(colour))]));

  // Each row begins with the number of its filter: none.
  const rows = new Uint8Array((width + 1) * height);
  pixels.forEach((pixel, place) => {
    rows[place + Math.floor(place / width) + 1] = places.get(pixel);
  });
  const deflated = new Blob([rows]).stream().pipeThrough(new CompressionStream("deflate"));
  const data = new Uint8Array(await new Response(deflated).arrayBuffer());

  const checksum = (bytes) => {
    let sum = -1;
    for (const byte of bytes) {
      sum ^= byte;
      for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
    }
    return ~sum;
  };
  const number = (value) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  const chunk = (name, content) => {
    const named = [...name].map((letter) => letter.charCodeAt(0)).concat([...content]);
    return [...number(content.length), ...named, ...number(checksum(named))];
  };
  const file = new Uint8Array([
    137, 80, 78, 71, 13, 10, 26, 10,
    ...chunk("IHDR", [...number(width), ...number(height), 8, 3, 0, 0, 0]),
    ...chunk("PLTE", palette.flat()),
    ...chunk("IDAT", data),
    ...chunk("IEND", []),
  ]);
  return btoa(Array.from(file, (byte) => String.fromCharCode(byte)).join(""));
}
