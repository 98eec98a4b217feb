/** Starts what all tests share. */
export default function setup(): void {}
