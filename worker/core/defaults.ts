// The account and region of requests that name none.

export const defaultAccount = "000000000000";
export const defaultRegion = "us-east-1";
