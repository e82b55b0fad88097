// Two videos that always show the same frame.
class Pair {
  constructor(before, after, onFrame, onPlaying, onBusy) {
    this.videos = [before, after];
    [this.before, this.after] = this.videos;
    this.onFrame = onFrame;
    this.onPlaying = onPlaying;
    this.onBusy = onBusy;
    this.view = null;
    this.frame = 0;
    this.direction = 0;
    this.loop = true;
    this.speed = 1;
    this.wanted = null;
    this.run = 0;
    for (const video of this.videos) {
      video.addEventListener("ended", () => this.ended(video));
      video.addEventListener("seeked", () => this.settled());
      video.addEventListener("loadedmetadata", () => this.settled());
    }
  }

  open(view) {
    this.halt();
    this.view = view;
    this.wanted = null;
    if (!view) {
      for (const video of this.videos) {
        video.removeAttribute("src");
        video.removeAttribute("poster");
        video.load();
      }
      return;
    }
    for (const [video, name] of [[this.before, "before"], [this.after, "after"]]) {
      video.poster = `${view.folder}/${name}.jpg`;
      video.src = `${view.folder}/${name}.mp4`;
      video.preload = "auto";
      video.load();
    }
    this.show(view.poster);
  }

  // The middle of a frame: a time that no rounding can move to its neighbour.
  time(frame) {
    const [numerator, denominator] = this.view.rate;
    return ((2 * frame + 1) * denominator) / (2 * numerator);
  }

  frameAt(seconds) {
    const [numerator, denominator] = this.view.rate;
    return this.clamped(Math.floor((seconds * numerator) / denominator + 1e-3));
  }

  clamped(frame) {
    return Math.min(Math.max(frame, 0), this.view.frames - 1);
  }

  // Both go to this frame; while they are still on their way, only the latest wish is kept.
  show(frame) {
    if (!this.view) return;
    this.frame = this.clamped(frame);
    this.wanted = this.frame;
    this.onFrame(this.frame);
    this.onBusy(true);
    this.settled();
  }

  settled() {
    if (this.videos.some((video) => video.seeking || video.readyState < 1)) return;
    if (this.wanted === null) {
      this.onBusy(false);
      return;
    }
    const time = this.time(this.wanted);
    this.wanted = null;
    for (const video of this.videos) {
      if (Math.abs(video.currentTime - time) > 1e-4) video.currentTime = time;
    }
    this.onBusy(this.videos.some((video) => video.seeking));
  }

  step(frames) {
    this.pause();
    this.show(this.frame + frames);
  }

  get playing() {
    return this.direction !== 0;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play(1);
  }

  play(direction) {
    if (!this.view) return;
    this.halt();
    this.direction = direction;
    this.onPlaying(true);
    if (direction < 0) {
      this.reverse(++this.run, performance.now(), this.frame);
      return;
    }
    if (this.frame === this.view.frames - 1) this.show(0);
    this.start(++this.run);
  }

  async start(run) {
    for (const video of this.videos) video.playbackRate = this.speed;
    try {
      await Promise.all(this.videos.map((video) => video.play()));
    } catch {
      if (run === this.run) this.pause();
      return;
    }
    if (run === this.run) this.follow(run);
  }

  // The picture that is heard leads, and its sound is never bent; the silent one follows.
  get leader() {
    return this.before.muted ? this.after : this.before;
  }

  follow(run) {
    const tick = (seconds) => {
      if (run !== this.run) return;
      this.frame = this.frameAt(seconds);
      this.onFrame(this.frame);
      this.align();
      next();
    };
    const next = () => {
      const leader = this.leader;
      if (leader.requestVideoFrameCallback) {
        leader.requestVideoFrameCallback((now, shown) => tick(shown.mediaTime));
      } else {
        requestAnimationFrame(() => tick(leader.currentTime));
      }
    };
    next();
  }

  // Two players start some milliseconds apart: the follower runs a little faster or slower until
  // they meet, and jumps when it is two frames away.
  align() {
    const leader = this.leader;
    const follower = leader === this.after ? this.before : this.after;
    const late = leader.currentTime - follower.currentTime;
    leader.playbackRate = this.speed;
    follower.playbackRate = this.speed * (1 + Math.min(Math.max(2 * late, -0.2), 0.2));
    if (Math.abs(late) > 4 * this.time(0) && !follower.seeking) {
      follower.currentTime = leader.currentTime;
    }
  }

  // No browser plays backwards: step, at the rate of the pictures, dropping what comes too late.
  reverse(run, since, from) {
    const tick = (now) => {
      if (run !== this.run) return;
      const gone = Math.floor((((now - since) / 1000) * this.speed) / (2 * this.time(0)));
      const frame = from - gone;
      if (frame < 0) {
        if (this.loop) this.reverse(run, now, this.view.frames - 1);
        else this.pause();
        return;
      }
      if (frame < this.frame || frame === from) this.show(frame);
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  ended(video) {
    if (this.direction <= 0 || video !== this.leader) return;
    if (!this.loop) {
      this.pause();
      return;
    }
    this.frame = this.view.frames - 1;
    this.play(1);
  }

  halt() {
    this.run += 1;
    this.direction = 0;
    for (const video of this.videos) video.pause();
  }

  pause() {
    if (!this.playing) return;
    this.halt();
    this.onPlaying(false);
    this.show(this.frame);
  }

  // One of the two is heard, or none.
  listen(sound) {
    this.after.muted = sound !== "dub";
    this.before.muted = sound !== "original";
  }
}
