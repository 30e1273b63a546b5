// Every line of the official emit cheat sheet: who receives it, how often, in which order, and who does not.
//
//   node cheatsheet.mjs URL[,URL...] [polling|websocket|upgrade] [--threads] [--only REGEX] [--skip REGEX]
//
// --threads: the server spreads its clients over threads, each of which judges for itself who is ready for a volatile
// packet, as the nodes of a cluster do.
//
// Nobody else may be connected to the server meanwhile, since some lines reach everybody.

import { Audience } from "./cheatsheet/audience.mjs";
import { acknowledgements } from "./cheatsheet/acknowledgements.mjs";
import { receivers } from "./cheatsheet/receivers.mjs";
import { rooms } from "./cheatsheet/rooms.mjs";
import { values } from "./cheatsheet/values.mjs";
import { volatile } from "./cheatsheet/volatile.mjs";
import { closeAll, commandLine, finish } from "./support.mjs";

const { urls, mode, flags } = commandLine({
  deadlineSeconds: 200,
  flags: { threads: { type: "boolean", default: false } },
});

const audience = await Audience.gather(urls, mode);
audience.threads = flags.threads;
await receivers(audience);
await volatile(audience);
await acknowledgements(audience);
await values(audience);
await rooms(audience);
closeAll();
finish();
