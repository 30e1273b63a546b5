// Waiting with a deadline: nothing in a script waits for a fixed time.

// Less than a script may take, so that the failure says what did not come.
const WAIT_MS = 18_000;

export const within = async (promise, what, ms = WAIT_MS) => {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
};

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
