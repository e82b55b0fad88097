// Frame numbers as SMPTE ST 12-1 writes them; integers only.
function timecode(frame, nominal, drop) {
  const skipped = drop ? nominal / 15 : 0;
  const perDay = 24 * 3600 * nominal - skipped * 24 * 54;
  let number = ((frame % perDay) + perDay) % perDay;
  if (drop) {
    const perMinute = 60 * nominal - skipped;
    const perTen = 600 * nominal - 9 * skipped;
    const tens = Math.floor(number / perTen);
    const minutes = Math.floor(Math.max(0, (number % perTen) - skipped) / perMinute);
    number += skipped * (9 * tens + minutes);
  }
  const seconds = Math.floor(number / nominal);
  const width = nominal > 100 ? String(nominal - 1).length : 2;
  const two = (value) => String(value).padStart(2, "0");
  const fields = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const frames = String(number % nominal).padStart(width, "0");
  return fields.map(two).join(":") + (drop ? ";" : ":") + frames;
}

// The division of BigInt rounds towards zero; time before the sequence start must round down.
function floorDivided(value, unit) {
  const quotient = value / unit;
  return value % unit < 0n ? quotient - 1n : quotient;
}

function recordFrame(clock, k) {
  const at = BigInt(clock.at) + BigInt(k) * BigInt(clock.step);
  return clock.start + Number(floorDivided(at, BigInt(clock.unit)));
}

function sourceFrame(clock, k) {
  return clock.start + (clock.played ? clock.played[k] : clock.first + k);
}

function recordTimecode(view, k) {
  return timecode(recordFrame(view.record, k), view.record.nominal, view.record.drop);
}

function sourceTimecode(view, k) {
  return timecode(sourceFrame(view.source, k), view.source.nominal, view.source.drop);
}
