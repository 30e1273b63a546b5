// Every line of the official emit cheat sheet: who receives it, how often, in which order, and who does not.
//
//   node cheatsheet.mjs URL[,URL...] [polling|websocket|upgrade] [--only REGEX] [--skip REGEX]
//
// Nobody else may be connected to the server meanwhile, since some lines reach everybody.

import { Audience } from "./cheatsheet/audience.mjs";
import { acknowledgements } from "./cheatsheet/acknowledgements.mjs";
import { receivers } from "./cheatsheet/receivers.mjs";
import { rooms } from "./cheatsheet/rooms.mjs";
import { values } from "./cheatsheet/values.mjs";
import { volatile } from "./cheatsheet/volatile.mjs";
import { closeAll, commandLine, finish } from "./support.mjs";

const { urls, mode } = commandLine({ deadlineSeconds: 90 });

const audience = await Audience.gather(urls, mode);
await receivers(audience);
await volatile(audience);
await acknowledgements(audience);
await values(audience);
await rooms(audience);
closeAll();
finish();
