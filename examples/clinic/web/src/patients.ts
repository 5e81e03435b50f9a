import { startsWith } from "lodash";

export interface Patient {
  mrn: string;
  name: string;
}

export async function search(name: string): Promise<Patient[]> {
  const answer = await fetch(`/patients?name=${encodeURIComponent(name)}`);
  const found: Patient[] = await answer.json();
  return found.filter((p) => startsWith(p.name, name));
}
