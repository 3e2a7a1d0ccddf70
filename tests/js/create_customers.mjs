// The hosted API's reference client for createCustomers, with nothing changed but URL and token.
//
//   TOKEN=... node create_customers.mjs URL BODY.json
//
// URL is the whole address of the call, BODY.json the file that holds the body. URL and BODY may
// come from the environment too. Prints the answer's data, or on an error its status and data.
import { readFileSync } from 'node:fs';
import axios from 'axios';

const [url = process.env.URL, body = process.env.BODY] = process.argv.slice(2);

const data = JSON.stringify(JSON.parse(readFileSync(body, 'utf8')));

const config = {
  method: 'post',
  maxBodyLength: Infinity,
  url,
  headers: {
    'Content-Type': 'application/json',
    'Accept': 'application/json',
    'Authorization': `Bearer ${process.env.TOKEN}`,
  },
  data,
};

axios
  .request(config)
  .then((response) => {
    console.log(JSON.stringify(response.data));
  })
  .catch((error) => {
    process.exitCode = 1;
    if (error.response) {
      console.log(error.response.status, JSON.stringify(error.response.data));
    } else {
      console.error(error.message);
    }
  });
